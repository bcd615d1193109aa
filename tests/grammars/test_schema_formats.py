"""Formats against independent judges: nothing that a judge rejects is accepted, and ordinary values are."""

from __future__ import annotations

import random
import re
import unicodedata

import idna
import jsonschema_rs
import pytest
from bytebound.grammars import json_schema
from bytebound.grammars.regular import CharacterAutomaton
from bytebound.grammars.schema import formats, idn_formats
from bytebound.grammars.schema.explore import joined
from bytebound.grammars.schema.strings import StringSet, automaton

NAMES = sorted(formats.NAMES)
STRANGE = "aAzZ09-._~:/?#[]@!$&'()*+,;=%{}|<>^`\"\\ \n\tßéאب٠۰・漢가\u0301\u094d\u200c\u200d\u00b7\u302e\ue000\ufffe😀"


def walked(machine: CharacterAutomaton, rng: random.Random, most: int) -> str:
    """A string of the language: random steps, then a shortest way to the end."""
    rows, accepting = machine.table.tolist(), machine.accepting.tolist()
    distance = [0 if end else len(rows) for end in accepting]
    for _ in range(len(rows)):
        before = distance.copy()
        for s, row in enumerate(rows):
            distance[s] = min([distance[s], *(before[t] + 1 for t in row if t >= 0)])
        if before == distance:
            break
    state, text = 0, []

    def step(options: list[int]) -> None:
        nonlocal state
        cell = rng.choice(options)
        first, last = rng.choice(machine.classes[cell])
        text.append(chr(rng.choice((first, last, rng.randint(first, last)))))
        state = rows[state][cell]

    for _ in range(rng.randint(0, most)):
        by_target: dict[int, list[int]] = {}
        for cell, target in enumerate(rows[state]):
            if target >= 0:
                by_target.setdefault(target, []).append(cell)
        if not by_target:
            break
        step(by_target[rng.choice(list(by_target))])
    while not accepting[state]:
        nearest = min(distance[t] for t in rows[state] if t >= 0)
        step([cell for cell, t in enumerate(rows[state]) if t >= 0 and distance[t] == nearest])
    return "".join(text)


def mutated(text: str, rng: random.Random) -> str:
    characters = list(text)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(characters) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            del characters[at : at + 1]
        elif kind == 1:
            characters.insert(at, rng.choice(STRANGE))
        elif kind == 2:
            characters[at : at + 1] = rng.choice(STRANGE)
        else:
            characters[at : at + 2] = characters[at : at + 2][::-1]
    return "".join(characters)


def samples(name: str, seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    machine = formats.automaton(name)
    texts = [walked(machine, rng, rng.choice([3, 10, 30])) for _ in range(count)]
    texts += [mutated(text, rng) for text in texts]
    return [text for text in texts if not re.search("[\ud800-\udfff]", text)]


def judge_names(name: str) -> str:
    """What is wrong with an international host name, by the rules of IDNA; the empty string where nothing is."""
    bidi = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in name)
    length = -1
    for label in re.split("[.\u3002\uff0e\uff61]", name):
        try:
            if label.isascii():
                if not re.fullmatch("[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", label) or label[2:4] == "--":
                    return f"the label {label!r}"
                encoded = label
            else:
                encoded = idna.alabel(label).decode()
            if bidi:
                idna.check_bidi(label, check_ltr=True)
        except idna.IDNAError as error:
            return str(error)
        if len(encoded) > 63:
            return f"the length of {label!r}"
        length += len(encoded) + 1
    return "" if length <= 253 else "the length"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_accepted_that_another_validator_rejects(name: str) -> None:
    judge = jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)
    machine = formats.automaton(name)
    texts = samples(name, 1, 40 if machine.states > 1000 else 150)
    accepted = [text for text in texts if machine.matches(text)]
    assert len(accepted) >= len(texts) / 3
    for text in accepted:
        assert judge.is_valid(text), ascii(text)


def test_names_are_valid_by_the_rules_of_idna() -> None:
    machine = formats.automaton("idn-hostname")
    for text in samples("idn-hostname", 2, 60):
        if machine.matches(text):
            assert judge_names(text) == "", ascii(text)


ACCEPTED = {
    "uri-template": [
        "", "http://x/{a:3}/{b*}{?q,r}", "{+a}{#b}{.c}{/d}{;e}{&f}", "é{%41b.c}", "a'b",
    ],
    "iri": [
        "http://ƒøø.ßår/?∂éœ=πîx#πîüx", "http://[::1]:80/漢", "urn:é", "http://a/?\ue000",
    ],
    "iri-reference": [
        "", "//é/ü", "漢/字", "?é", "#ü", "../é",
    ],
    "idn-email": [
        "실례@실례.테스트", '"δοκιμή"@example.com', "é" * 32 + "@b.c", "Joe@Example.COM", "a@[1.2.3.4]",
    ],
    "idn-hostname": [
        "실례.테스트", "www.παράδειγμα.gr", "bücher.de", "例え.jp", "пример.рф", "مثال.إختبار", "דוגמה.com",
        "उदाहरण.परीक्षा", "ตัวอย่าง", "ผู้ใช้", "উদাহরণ", "l·l", "می\u200cخواهم", "क्\u200dष", "Example.COM", "a。b",
        "x" * 63,
    ],
    "email": [
        "a@b.c", '"a b"@c', "a@cs.dept.univ.ac.uk", "a@" + "b" * 63 + ".de", "a@[IPv6:::1]", "a" * 64 + "@b",
    ],
    "regex": [
        "", "^a*$", "(a|b)+?", "(?:x(?:y(?:z)))", "(?<year>\\d{4})-\\d{1,2}", "(?<=a+)b", "(?!a)b", "[]", "[^]",
        "\\cA\\x41\\u0041\\u{1F600}\\0", "\\p{Lu}\\P{L}", "[a-zA-Z0-9_.-]+", "[\\w.-]", "[\\u4e00-\\u9fa5]", "[一-龥]",
        "a{2}b{2,}c{2,3}d{8,64}e{0,0}", "[ -~]", "[\\x00-\\x1f]", "\\/\\.", "[-a]", "[a-]", "漢|é", "[\\b\\-]",
        "^(?=.*\\d)",
    ],
}
REJECTED = {
    "uri-template": [
        "{}", "{a,}", "{a:0}", "{a:12345}", "{a..b}", "a b", "}", "{a", "%4", "<", "{a=b}", "{=a}",
    ],
    "iri": [
        "", "é", "http://a b", "a:<", "http://a/\ue000", "http://[::1", "a:\u202e", "a:%zz", "http://é:x", "a:\ufdd0",
    ],
    "iri-reference": [
        "\\é", "é:a", "#é#", "a b", "http://[é]", "\x7f",
    ],
    "idn-email": [
        "é", "é@", "@é", "a@é.", "é" * 33 + "@b.c", "a＠b.c", "a@\u302ea", "a b@c", '"\\é"@b.c', "a@xn--a.c",
    ],
    "idn-hostname": [
        "", ".", "é.", "-é", "é-", "e\u0301", "xn--a", "ab--é", "l·a", "·", "α\u0375", "・", "a・", "٠۰", "0א", "אa",
        "a\u200db", "\u302eа", "ü" * 60, "a..é", "\u0640", "É", "א.ü", "0a.א", "क\u200cष", "あ\u3099か",
    ],
    "email": [
        "a", "a@", "@b", "a.@b", ".a@b", "a..b@c", "a" * 65 + "@b", '"' + "\\a" * 40 + '"@b', "a@b-", "a@xn--b.c",
        "a@" + ".".join(["b" * 63] * 4), "a@b@c", "a b@c", "a@[1.2.3]", "é@b.c",
    ],
    "regex": [
        "(", ")", "[", "a{2,1}", "a{12,3}", "a{", "}", "]", "*", "a**", "(?=a)*", "\\a", "\\-", "\\_", "[z-a]",
        "[\\d-z]", "(?i)a", "(?P<n>a)", "(?#c)", "\\u{110000}", "\\p{Foo}", "\\p", "\\1", "\\01", "[\\01]", "\\",
        "[a", "^*", "(?<n>a)(?<n>b)", "[b-a]", "[9-0]", "[\\x1f-\\x00]", "\\k<n>", "\\c1", "\\u12", "\\x1", "(?<a",
        "(?a)", "[ -\\2]",
    ],
}


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_ordinary_and_broken_values(name: str) -> None:
    machine = formats.automaton(name)
    assert [text for text in ACCEPTED[name] if not machine.matches(text)] == []
    assert [text for text in REJECTED[name] if machine.matches(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_automata_are_minimal(name: str) -> None:
    machine = formats.automaton(name)
    assert not machine.is_empty()
    assert machine.minimized().states == machine.states
    assert machine.complement().complement().equivalent(machine)


def test_leap_seconds_are_at_midnight_of_utc() -> None:
    machine = formats.automaton("time")
    for minutes in range(0, 24 * 60):
        for sign in "+-":
            for offset in (0, 30, 60, 90, 8 * 60, 23 * 60 + 30):
                text = f"{minutes // 60:02}:{minutes % 60:02}:60{sign}{offset // 60:02}:{offset % 60:02}"
                utc = (minutes - offset if sign == "+" else minutes + offset) % (24 * 60)
                assert machine.matches(text) == (utc == 23 * 60 + 59), text


def punycode_digits(delta: int, bias: int) -> int:
    """How many digits RFC 3492 writes a number with."""
    digits, k = 1, 36
    while True:
        threshold = min(max(k - bias, 1), 26)
        if delta < threshold:
            return digits
        delta, digits, k = (delta - threshold) // (36 - threshold), digits + 1, k + 36


def punycode_bias(delta: int) -> int:
    """The largest bias after such a number (section 6.1, for one code point so far)."""
    delta, k = delta // 2 * 2, 0
    while delta > 455:
        delta, k = delta // 35, k + 36
    return k + 36 * delta // (delta + 38)


def test_punycode_stays_within_a_label() -> None:
    """Eleven characters of the plane never take more than 60 octets.

    The numbers written come to no more than one round through the plane for each character and one more; whatever
    the bias, so many digits need at least so large a number; so the digits are those of the best choice within the sum.
    """
    length = idn_formats.LONGEST
    most = (0x10000 - 0x80) * (length + 1) + length
    least: dict[int, int] = {}  # the smallest number of so many digits
    for bias in range(max(punycode_bias(most), 72) + 1):
        for digits in range(1, 8):
            low, high = 0, 2**27
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if punycode_digits(middle, bias) >= digits else (middle + 1, high)
            least[digits] = min(least.get(digits, low), low)
    sums = {0: 0}  # the smallest sum by digits in all
    for others in range(1, length + 1):
        added: dict[int, int] = {}
        for total, used in sums.items():
            for digits, number in least.items():
                if used + number <= most:
                    added[total + digits] = min(added.get(total + digits, most), used + number)
        sums = added
        ascii_letters = length - others
        assert len("xn--") + ascii_letters + (ascii_letters > 0) + max(sums) <= 60


def test_formats_of_later_drafts_are_unknown_to_older_ones() -> None:
    for draft, enforced in (("http://json-schema.org/draft-04/schema#", False), (None, True)):
        schema = {"type": "string", "format": "iri"} | ({"$schema": draft} if draft else {})
        grammar = json_schema(schema)
        assert grammar.matches('"http://é"')
        assert grammar.matches('"no iri"') != enforced
        assert grammar.ignored == (() if enforced else ("/format",))


def test_formats_meet_lengths_and_patterns() -> None:
    grammar = json_schema({"type": "string", "format": "iri", "pattern": "^https:", "maxLength": 12})
    assert grammar.matches('"https://é/"')
    assert not grammar.matches('"http://é/"')
    assert not grammar.matches('"https://éééééé/"')


@pytest.mark.parametrize(("name", "maximum"), [("email", 254), ("email", 320), ("hostname", 253), ("idn-email", 255)])
def test_bounds_that_no_value_reaches_cost_nothing(name: str, maximum: int) -> None:
    bounded = automaton(StringSet(formats=(name,), maximum=maximum))
    assert bounded.states == formats.automaton(name).states
    assert automaton(StringSet(formats=(name,), minimum=4, maximum=maximum)).longest() == bounded.longest()


def test_joined_languages_meet_at_the_separator() -> None:
    digits = CharacterAutomaton.from_strings(["1", "12", "123"])
    letters = CharacterAutomaton.from_strings(["a", "ab"])
    both = joined(digits, "@", letters, CharacterAutomaton.from_strings(["x@"]))
    assert [t for t in ("1@a", "12@ab", "123@x@") if not both.matches(t)] == []
    assert [t for t in ("1a", "@a", "1@", "1@x", "1@@a", "a@1", "1@a@a") if both.matches(t)] == []
    with pytest.raises(AssertionError):
        joined(CharacterAutomaton.from_strings(["1", "1@"]), "@", letters)
