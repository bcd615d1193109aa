"""Masks against brute force: a bit is set exactly when the token's bytes can be extended to a full match."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import numpy as np
import pytest
from bytebound.decoding import CannotClose, DeadEnd, Masker, Vocabulary, WrongVocabulary
from bytebound.decoding.closing import tokens_to_close
from bytebound.grammars import Grammar, GrammarError, Network

PRINTABLE = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E)]


def characters(net: Network, a: int, b: int) -> None:
    """One character of a JSON string, without escapes: ASCII but quote and backslash, or a multi-byte one."""
    for lo, hi in PRINTABLE:
        net.edge(a, lo, hi, b)
    ends = [b]
    for _ in range(3):
        node = net.node()
        net.edge(node, 0x80, 0xBF, ends[-1])
        ends.append(node)
    special = {0xE0: (0xA0, 0xBF, 1), 0xED: (0x80, 0x9F, 1), 0xF0: (0x90, 0xBF, 2), 0xF4: (0x80, 0x8F, 2)}
    for lead in range(0xC2, 0xF5):
        if lead in special:
            lo, hi, more = special[lead]
            node = net.node()
            net.edge(a, lead, lead, node)
            net.edge(node, lo, hi, ends[more])
        else:
            net.edge(a, lead, lead, ends[1 if lead < 0xE0 else 2 if lead < 0xF0 else 3])


def string(net: Network, a: int, b: int) -> None:
    loop = net.node()
    net.literal(a, b'"', loop)
    characters(net, loop, loop)
    net.literal(loop, b'"', b)


def counted(low: int, high: int | None) -> Callable[[Network, int, int], None]:
    def emit(net: Network, a: int, b: int) -> None:
        rule = net.rule()
        characters(net, rule.start, rule.end)
        begin, end = net.literal(a, b'"'), net.node()
        net.repeat(begin, rule, end, low, high)
        net.literal(end, b'"', b)

    return emit


def key(net: Network, a: int, b: int) -> None:
    """A known key with a number, or any other key with a letter: the known ones are near the free ones."""
    begin, free = net.literal(a, b'"'), net.node()
    characters(net, free, free)
    for lo, hi in PRINTABLE:
        net.edge(begin, lo, min(hi, 0x6A), free) if lo <= 0x6A else None
    net.edge(begin, 0x6C, 0x7E, free)
    net.literal(net.literal(begin, b'known"'), b":1", b)
    net.literal(net.literal(free, b'"'), b":x", b)


def lists(net: Network, a: int, b: int) -> None:
    """Two or three strings of three to nine characters, in brackets."""
    item = net.rule()
    counted(3, 9)(net, item.start, item.end)
    begin, end = net.literal(a, b"["), net.node()
    net.repeat(begin, item, end, 2, 3)
    net.literal(end, b"]", b)


def mixed(net: Network, a: int, b: int) -> None:
    """Two counted loops at once, of different alphabets and bounds: rounds cannot be counted in one go."""
    for lo, hi, low, high in ((0x61, 0x7A, 2, 6), (0x20, 0x7A, 4, 12)):
        rule, begin, end = net.rule(), net.node(), net.node()
        net.edge(rule.start, lo, hi, rule.end)
        net.epsilon(a, begin)
        net.repeat(begin, rule, end, low, high)
        net.literal(end, b"}", b)


GRAMMARS = {
    "string": string,
    "counted": counted(2, 12),
    "at least": counted(5, None),
    "exactly": counted(6, 6),
    "long": counted(1, 400),
    "key": key,
    "lists": lists,
    "mixed": mixed,
}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """All bytes, and 3,000 tokens of up to 12 bytes: letters, quotes, brackets, multi-byte characters, broken ones."""
    rng = random.Random(5)
    pieces = [b"a", b"b", b"known", b"k", b"kn", b"ow", b" ", b'"', b'":', b":1", b":x", b"]", b"[", b"}", b"Z"]
    pieces += ["ö".encode(), "€".encode(), "𝄞".encode(), b"\xc3", b"\xa4", b"\xf0\x9d", b"\xed\xa0\x80", b"\\", b"\n"]
    words = {bytes([i]) for i in range(256)}
    while len(words) < 3256:
        words.add(b"".join(rng.choices(pieces, k=rng.randint(1, 5)))[:12])
    tokens: list[bytes | None] = sorted(words)
    rng.shuffle(tokens)
    tokens[100:100] = [None, b'"a"', b'"a"', None]  # control tokens and duplicates
    return Vocabulary.from_bytes(tokens, eos_token_ids=[100, 103], size=3300)


def bits(masker: Masker, state: int, remaining: int | None = None) -> np.ndarray:
    row = np.full(masker.words, 0xFFFFFFFF, np.uint32)
    masker.fill(state, row, remaining)
    return np.unpackbits(row.view(np.uint8), bitorder="little").astype(bool)


def brute_force(masker: Masker, grammar: Grammar, prefix: bytes) -> np.ndarray:
    automaton = grammar.automaton
    state = automaton.advance(automaton.start, prefix)
    expected = np.zeros(32 * masker.words, bool)
    for token in range(masker.vocabulary.size):
        data = masker.vocabulary.token_bytes(token)
        expected[token] = bool(data) and not automaton.is_dead(automaton.advance(state, data))
    if automaton.is_accepting(state):
        expected[list(masker.vocabulary.eos_token_ids)] = True
    return expected


@pytest.mark.parametrize("name", GRAMMARS)
@pytest.mark.parametrize("memory", [1 << 28, 0], ids=["remembered", "forgotten"])
def test_masks_equal_brute_force_along_random_walks(vocabulary: Vocabulary, name: str, memory: int) -> None:
    grammar = Grammar(GRAMMARS[name], name)
    masker = Masker(grammar, vocabulary, memory=memory)
    rng = random.Random(name)
    seen: set[int] = set()
    for _ in range(40):
        state, prefix = masker.start, b""
        for _ in range(30):
            row = bits(masker, state)
            if state not in seen and len(seen) < 60:
                seen.add(state)
                np.testing.assert_array_equal(row, brute_force(masker, grammar, prefix), err_msg=repr(prefix))
            choices = np.flatnonzero(row)
            short = [t for t in choices if len(vocabulary.token_bytes(t)) <= 2]
            token = int(rng.choice(short if short and rng.random() < 0.6 else list(choices)))
            state = masker.accept(state, token)
            prefix += vocabulary.token_bytes(token)
            if state == masker.finished:
                assert grammar.matches(prefix)
                break


def test_real_vocabulary(shared, tmp_path) -> None:
    import lzma

    from transformers import PreTrainedTokenizerFast

    packed = (shared / "tokenizers" / "gpt2" / "tokenizer.json.xz").read_bytes()
    (tmp_path / "tokenizer.json").write_bytes(lzma.decompress(packed))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    for emit, text in ((lists, '["Jörg was""here as'), (counted(0, 300), '"' + "x" * 250), (key, '"kno')):
        grammar = Grammar(emit, "real")
        masker = Masker(grammar, vocabulary)
        for end in (1, 3, len(text.encode())):
            prefix = text.encode()[:end]
            state = masker.automaton.advance(masker.automaton.start, prefix)
            np.testing.assert_array_equal(bits(masker, state), brute_force(masker, grammar, prefix))


def test_accept_agrees_with_the_mask_and_rolls_back(vocabulary: Vocabulary) -> None:
    masker = Masker(Grammar(lists, "lists"), vocabulary)
    rng = random.Random(3)
    path = [masker.start]
    for _ in range(8):
        row = bits(masker, path[-1])
        for token in rng.sample(range(vocabulary.size), 300):
            assert (masker.accept(path[-1], token) != -1) == row[token]
        path.append(masker.accept(path[-1], int(rng.choice(np.flatnonzero(row).tolist()))))
        if path[-1] == masker.finished:
            break
    before = [bits(masker, state) for state in path]
    fresh = Masker(Grammar(lists, "lists"), vocabulary)
    for state, row in zip(path, before, strict=True):
        np.testing.assert_array_equal(bits(masker, state), row)
    np.testing.assert_array_equal(bits(fresh, fresh.start), before[0])


@pytest.mark.parametrize("name", GRAMMARS)
def test_texts_close_within_the_budget(vocabulary: Vocabulary, name: str) -> None:
    grammar = Grammar(GRAMMARS[name], name)
    masker = Masker(grammar, vocabulary)
    least = tokens_to_close(masker, masker.start)
    assert least is not None
    rng = random.Random(name)
    for budget in (least, least + 1, least + 3, least + 30):
        for _ in range(15):
            state, text = masker.start, b""
            for used in range(budget):
                choices = masker.allowed(state, remaining=budget - used)
                assert set(choices) <= set(masker.allowed(state))
                token = int(rng.choice(choices.tolist()))
                state = masker.accept(state, token)
                text += vocabulary.token_bytes(token)
                if state == masker.finished:
                    break
            assert grammar.matches(text)
    with pytest.raises(CannotClose, match=f"{least} tokens would do"):
        masker.allowed(masker.start, remaining=0)
    assert masker.allowed(masker.start).size  # the masker is as usable as before


def test_the_end_of_the_text(vocabulary: Vocabulary) -> None:
    masker = Masker(Grammar(lambda net, a, b: net.literal(a, b"a", b) and None, "a"), vocabulary)
    token = next(t for t in range(vocabulary.size) if vocabulary.token_bytes(t) == b"a")
    state = masker.accept(masker.start, token)
    assert masker.is_accepting(state)
    assert masker.allowed(state).tolist() == [100, 103]
    assert masker.accept(masker.start, 100) == -1
    assert masker.accept(state, 103) == masker.finished
    assert masker.allowed(masker.finished).tolist() == [100, 103]
    assert masker.is_accepting(masker.finished)
    assert masker.accept(masker.finished, token) == -1
    assert masker.forced_tokens(masker.start) == [token]


def test_dead_ends_and_bad_input_are_named(vocabulary: Vocabulary) -> None:
    grammar = Grammar(string, "string")
    masker = Masker(grammar, vocabulary)
    with pytest.raises(DeadEnd, match="dead state"):
        masker.allowed(-1)
    with pytest.raises(WrongVocabulary, match="3300 is outside"):
        masker.accept(masker.start, 3300)
    with pytest.raises(WrongVocabulary, match=r"needs a row uint32 \[104\], not uint32 \[7\]"):
        masker.fill(masker.start, np.empty(7, np.uint32))
    with pytest.raises(WrongVocabulary, match=r"not float32 \[104\]"):
        masker.fill(masker.start, np.empty(104, np.float32))
    with pytest.raises(WrongVocabulary, match="not list"):
        masker.fill(masker.start, [0] * 104)
    for ask in (masker.accept, masker.fill):
        with pytest.raises(GrammarError, match="1000000 is not a state"):
            ask(10**6, 98 if ask == masker.accept else np.empty(104, np.uint32))
    with pytest.raises(GrammarError, match="not str"):
        Masker("x", vocabulary)  # type: ignore[arg-type]
    with pytest.raises(WrongVocabulary, match="from_tokenizer"):
        Masker(grammar, ["a"])  # type: ignore[arg-type]
    poor = Vocabulary.from_bytes([b"x", b"y"])
    hopeless = Masker(grammar, poor)
    for _ in range(2):  # asked again, it is no less an error
        with pytest.raises(DeadEnd, match="no token of this vocabulary spells"):
            hopeless.allowed(hopeless.start)
    with pytest.raises(DeadEnd, match="no end-of-sequence token"):
        complete = Masker(Grammar(lambda net, a, b: net.literal(a, b"x", b) and None, "x"), poor)
        complete.allowed(complete.accept(complete.start, 0))
    assert masker.allowed(masker.start).size


def test_threads_share_a_masker(vocabulary: Vocabulary) -> None:
    masker = Masker(Grammar(lists, "lists"), vocabulary)
    alone = Masker(Grammar(lists, "lists"), vocabulary)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            rng = random.Random(seed)
            for _ in range(20):
                state, text = masker.start, b""
                while state != masker.finished and len(text) < 60:
                    token = int(rng.choice(masker.allowed(state).tolist()))
                    state = masker.accept(state, token)
                    text += vocabulary.token_bytes(token)
                twin = alone.automaton.advance(alone.start, text)
                assert (state == masker.finished and alone.is_accepting(twin)) or not alone.automaton.is_dead(twin)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
