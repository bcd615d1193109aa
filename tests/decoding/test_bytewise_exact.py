"""`ByteModel` against enumeration: every tokenization of a prefix and every next token, by brute force."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from bytebound.decoding import (
    ByteModel,
    DecodingError,
    NoCover,
    TableModel,
    TooManyCovers,
    UnsupportedTokenizer,
    Vocabulary,
)

from .bytewise_cases import FAMILIES, canonical_sequences, family, random_model

LONGEST = {"gpt2": 6, "llama3": 7, "pieces": 7}  # characters of the texts that canonicality is looked up in


class Case:
    """A tokenizer, its random model and what enumeration says."""

    def __init__(self, name: str, seed: int, dtype: Any = np.float64) -> None:
        self.name = name
        self.tokenizer, self.alphabet = family(name)
        self.vocabulary = Vocabulary.from_tokenizer(self.tokenizer, eos_token_ids=[1], cache=False)
        self.function = random_model(self.vocabulary.size, seed, dtype)
        self.model = TableModel(self.function, self.vocabulary.size)
        self.text_tokens = [i for i in range(self.vocabulary.size) if self.vocabulary.token_bytes(i)]
        self.dummy = b" " if name == "pieces" else b""

    def bytewise(self, semantics: Any, **options: Any) -> ByteModel:
        return ByteModel(self.model, self.tokenizer, semantics=semantics, eos_token_ids=1, **options)

    def is_canonical(self, ids: tuple[int, ...]) -> bool:
        if self.dummy and ids and not self.vocabulary.token_bytes(ids[0]).startswith(b" "):
            return False
        return ids in canonical_sequences(self.name, 12, LONGEST[self.name])

    def is_whole(self, ids: tuple[int, ...]) -> bool:
        data = self.vocabulary.text(ids)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return False
        if self.dummy and ids:
            text = text[1:]
        self.tokenizer.encode_special_tokens = True
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids) == ids

    def joint(self, context: tuple[int, ...], prefix: bytes, semantics: str) -> tuple[np.ndarray, float]:
        """[257] probability of the prefix and each next symbol, and the probability of the prefix."""
        out, covers = np.zeros(257), 0.0
        data = self.dummy + prefix
        canonical = semantics == "canonical"

        def recur(ids: tuple[int, ...], rest: bytes, logp: float) -> None:
            nonlocal covers
            row = self.function((*context, *ids))
            if not rest:
                covers += math.exp(logp)
                if not canonical or self.is_whole(ids):
                    out[256] += math.exp(logp + row[1])
            for token in self.text_tokens:
                spelled = self.vocabulary.token_bytes(token)
                if canonical and not self.is_canonical((*ids, token)):
                    continue
                if len(spelled) > len(rest):
                    if spelled.startswith(rest):
                        out[spelled[len(rest)]] += math.exp(logp + row[token])
                        covers += math.exp(logp + row[token]) if rest else 0.0
                elif rest.startswith(spelled):
                    recur((*ids, token), rest[len(spelled) :], logp + row[token])

        recur((), data, 0.0)
        if self.dummy and not prefix:  # the empty text has no dummy space
            if canonical:
                out[256] = 0.0
            out[256] += math.exp(self.function(context)[1])
        return out, covers


@functools.cache
def case(name: str, seed: int) -> Case:
    return Case(name, seed)


def prefixes(name: str, count: int, seed: int) -> list[bytes]:
    """Random texts cut at any byte: inside characters, after spaces, inside numbers."""
    generator = np.random.default_rng(seed)
    _, alphabet = family(name)
    room = LONGEST[name] - 3
    found = []
    while len(found) < count:
        text = "".join(generator.choice(list(alphabet), generator.integers(0, room + 1))).encode()
        cut = int(generator.integers(0, len(text) + 1)) if generator.random() < 0.5 else len(text)
        found.append(text[:cut])
    return found


@pytest.mark.parametrize("semantics", ["all", "canonical"])
@pytest.mark.parametrize("name", FAMILIES)
def test_next_byte_is_that_of_enumeration(name: str, semantics: str) -> None:
    for seed, prefix in enumerate(prefixes(name, 84, 1)):
        c = case(name, seed % 4)
        want, covers = c.joint((0,), prefix, semantics)
        bytewise = c.bytewise(semantics)
        state = bytewise.start([0, prefix])
        np.testing.assert_allclose(np.exp(state.next_byte()), want / want.sum(), atol=1e-12, err_msg=repr(prefix))
        assert state.bound == 0.0
        low, high = bytewise.start([0, prefix]).log_evidence()
        assert low == high
        if semantics == "all":
            assert abs(low - np.log(covers)) < 1e-10
        assert abs(bytewise.logprob(prefix, [0]) - np.log(covers)) < 1e-10, prefix
        assert abs(math.exp(bytewise.logprob(prefix, [0], end=True)) - want[256]) < 1e-10, prefix


@pytest.mark.parametrize("semantics", ["all", "canonical"])
@pytest.mark.parametrize("name", FAMILIES)
def test_going_on_byte_by_byte_gives_the_same(name: str, semantics: str) -> None:
    c = case(name, 5)
    bytewise = c.bytewise(semantics)
    for prefix in prefixes(name, 12, 2):
        state = bytewise.start([0])
        chain = 0.0
        for i, byte in enumerate(prefix):
            symbols = state.next_byte()
            np.testing.assert_allclose(symbols, bytewise.next_byte([0, prefix[:i]]), atol=1e-10)
            chain += symbols[byte]
            fork = state.fork()
            state.advance(byte)
            np.testing.assert_array_equal(fork.next_byte(), symbols)
        assert state.prefix == prefix
        want, _ = c.joint((0,), prefix, semantics)
        np.testing.assert_allclose(np.exp(state.next_byte()), want / want.sum(), atol=1e-12)


@pytest.mark.parametrize("semantics", ["all", "canonical"])
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("eps", [0.5, 0.1, 1e-3])
def test_eps_bounds_the_total_variation(name: str, semantics: str, eps: float) -> None:
    c = case(name, 6)
    exact, near = c.bytewise(semantics), c.bytewise(semantics, eps=eps)
    deferred = 0.0
    for prefix in prefixes(name, 25, 3):
        state = near.start([0, prefix])
        distance = 0.5 * np.abs(np.exp(state.next_byte()) - np.exp(exact.next_byte([0, prefix]))).sum()
        assert distance <= state.bound + 1e-12
        assert state.bound <= eps
        deferred = max(deferred, state.bound)
        low, high = near.start([0, prefix]).log_evidence()
        truth = exact.start([0, prefix]).log_evidence()[0]
        assert low - 1e-12 <= truth <= high + 1e-12
    assert near.evaluated < exact.evaluated or eps == 1e-3
    assert deferred > 0 or eps == 1e-3


def test_float32_models_are_exact_to_their_precision() -> None:
    c = Case("gpt2", 1, np.float32)
    for prefix in prefixes("gpt2", 20, 4):
        want, _ = case("gpt2", 1).joint((0,), prefix, "canonical")
        found = c.bytewise("canonical").next_byte([0, prefix])
        np.testing.assert_allclose(np.exp(found), want / want.sum(), atol=1e-5)


def test_several_states_share_calls_of_the_model() -> None:
    c = case("gpt2", 2)
    bytewise = c.bytewise("canonical")
    states = [bytewise.start([0]).advance(prefix) for prefix in (b"ab", b" a", b"1'")]
    before = bytewise.calls
    together = bytewise.next_bytes(states)
    calls = bytewise.calls - before
    for symbols, prefix in zip(together, (b"ab", b" a", b"1'"), strict=True):
        np.testing.assert_allclose(symbols, bytewise.next_byte([0, prefix]), atol=1e-12)
    alone = bytewise.calls
    for prefix in (b"ab", b" a", b"1'"):
        bytewise.start([0]).advance(prefix).next_byte()
    assert calls < bytewise.calls - alone


def test_a_state_that_is_given_twice_is_settled_once() -> None:
    for semantics in ("all", "canonical"):
        bytewise = case("gpt2", 2).bytewise(semantics)
        want = bytewise.next_byte([0, b"ab a"])
        state = bytewise.start([0]).advance(b"ab a")
        bytewise.draw_covers([state, state], np.random.default_rng(0))
        for found in bytewise.next_bytes([state, state]):
            np.testing.assert_allclose(found, want, atol=1e-12)


def test_control_tokens_never_count_as_text() -> None:
    tokens: list[bytes | None] = [bytes([b]) for b in b"<s>a/"] + [None, None, b"<s"]
    vocabulary = Vocabulary.from_bytes(tokens, eos_token_ids=[6])
    row = np.log(np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.1]))  # 5 stands for <s>, 6 for </s>: half is control
    bytewise = ByteModel(TableModel(lambda ids: row, 8), vocabulary)
    found = np.exp(bytewise.next_byte([5]))
    assert found[ord("<")] == pytest.approx(0.2 / 0.8)
    assert found[256] == pytest.approx(0.2 / 0.8)
    assert found[ord(">")] == pytest.approx(0.1 / 0.8)


def test_a_long_prefix_with_too_many_tokenizations_is_refused() -> None:
    bytewise = case("gpt2", 0).bytewise("all", max_covers=50)
    with pytest.raises(TooManyCovers, match="more than 50 covers"):
        bytewise.next_byte([0, b"abababab" * 4])


def test_bytes_that_no_tokens_spell_are_refused() -> None:
    for semantics in ("all", "canonical"):
        bytewise = case("gpt2", 0).bytewise(semantics)
        with pytest.raises(NoCover, match="spell"):
            bytewise.next_byte([0, b"abz"])
        state = bytewise.start([0, b"ab"])
        with pytest.raises(NoCover):
            state.advance(b"az")
        assert state.prefix == b"ab"
        state.advance(b"a").next_byte()
    with pytest.raises(NoCover, match="canonical"):
        case("gpt2", 0).bytewise("canonical").next_byte([0, b"a\xc3\x28"])


def test_prefixes_mix_control_tokens_and_text() -> None:
    c = case("gpt2", 3)
    bytewise = c.bytewise("canonical")
    (ids,) = [c.tokenizer.encode("ab a", add_special_tokens=False).ids]
    want, _ = c.joint((0, *ids, 2), b"a", "canonical")
    np.testing.assert_allclose(np.exp(bytewise.next_byte([0, "ab a", 2, b"a"])), want / want.sum(), atol=1e-12)
    with pytest.raises(DecodingError, match="no control token"):
        bytewise.next_byte([0, ids[0], b"a"])
    with pytest.raises(DecodingError, match="UTF-8"):
        bytewise.next_byte([0, b"\xc3", 2, b"a"])
    with pytest.raises(DecodingError, match="not 3"):
        bytewise.next_byte(3)  # type: ignore[arg-type]
    with pytest.raises(DecodingError, match=r"not 3\.5"):
        bytewise.next_byte([0, 3.5])  # type: ignore[list-item]


def test_wrong_arguments_are_refused() -> None:
    c = case("gpt2", 3)
    with pytest.raises(DecodingError, match="semantics"):
        ByteModel(c.model, c.tokenizer, semantics="some")  # type: ignore[arg-type]
    with pytest.raises(DecodingError, match="eps"):
        ByteModel(c.model, c.tokenizer, eps=0.7)
    with pytest.raises(DecodingError, match="empty text"):
        c.bytewise("all").bits_per_byte("")
    with pytest.raises(DecodingError, match="a text is a str or bytes, not 3"):
        c.bytewise("all").bits_per_byte(3)  # type: ignore[arg-type]
    with pytest.raises(DecodingError, match="no valid text"):
        c.bytewise("all").logprob("\ud800")
    with pytest.raises(UnsupportedTokenizer, match="canonical"):
        ByteModel(c.model, c.vocabulary, semantics="canonical")


def test_temperature_is_that_of_tokens() -> None:
    c = case("gpt2", 3)
    cooled = TableModel(lambda ids: (row := c.function(ids) / 0.5) - np.logaddexp.reduce(row), c.vocabulary.size)
    want = ByteModel(cooled, c.tokenizer, semantics="canonical", eos_token_ids=1)
    found = c.bytewise("canonical", temperature=0.5)
    np.testing.assert_allclose(found.next_byte([0, b"ab "]), want.next_byte([0, b"ab "]), atol=1e-10)
    assert found.logprob(b"ab a'1 b", [0]) == pytest.approx(want.logprob(b"ab a'1 b", [0]))


@pytest.mark.parametrize("semantics", ["all", "canonical"])
@pytest.mark.parametrize("name", FAMILIES)
def test_covers_are_drawn_in_proportion(name: str, semantics: str) -> None:
    c = case(name, 7)
    bytewise = c.bytewise(semantics)
    generator = np.random.default_rng(0)
    for prefix in (b"ab", b" a"):
        state = bytewise.start([0, prefix])
        want: dict[tuple[int, ...], float] = {}
        data = c.dummy + prefix

        def recur(ids: tuple[int, ...], rest: bytes, logp: float) -> None:
            row = c.function((0, *ids))
            for token in c.text_tokens:
                spelled, after = c.vocabulary.token_bytes(token), (*ids, token)
                if semantics == "canonical" and not c.is_canonical(after):
                    continue
                if spelled.startswith(rest):
                    want[after] = math.exp(logp + row[token])  # noqa: B023
                elif rest.startswith(spelled):
                    recur(after, rest[len(spelled) :], logp + row[token])

        recur((), data, 0.0)
        n = 600
        counts: dict[tuple[int, ...], int] = {}
        for _ in range(n):
            (cover,) = bytewise.draw_covers([state], generator)
            ids = tuple(cover.tokens[1:])
            assert c.vocabulary.text(ids) == data + cover.overrun
            counts[ids] = counts.get(ids, 0) + 1
        total = sum(want.values())
        assert set(counts) <= set(want)
        statistic = sum((counts.get(k, 0) - n * p / total) ** 2 / (n * p / total) for k, p in want.items())
        assert statistic < len(want) + 5 * math.sqrt(2 * len(want)) + 5
        (best,) = bytewise.draw_covers([state], None)
        assert tuple(best.tokens[1:]) == max(want, key=lambda k: want[k])
        (kept,) = bytewise.draw_covers([state], None, [lambda overrun: overrun != b""])
        assert kept.overrun != b""
    with pytest.raises(NoCover, match="grammar"):
        bytewise.draw_covers([bytewise.start([0, b" "])], generator, [lambda overrun: overrun == b"nothing"])
