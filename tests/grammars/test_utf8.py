"""UTF-8 byte paths against Python's encoder, and how few nodes they take."""

from __future__ import annotations

import pytest
from bytebound.grammars import Network, unicode_tables
from bytebound.grammars.characters import FULL, LAST, Ranges, from_characters, from_pairs, members
from bytebound.grammars.utf8 import add_characters
from hypothesis import given, settings
from hypothesis import strategies as st


class Recorder(Network):
    """A network that remembers its edges."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[int, list[tuple[int, int, int]]] = {}

    def edge(self, a: int, lo: int, hi: int, b: int) -> None:
        self.made.setdefault(a, []).append((lo, hi, b))
        super().edge(a, lo, hi, b)

    @property
    def size(self) -> int:
        return len(set(self.made) | {b for edges in self.made.values() for _, _, b in edges})


def spelled(net: Recorder, a: int, b: int) -> list[bytes]:
    found, stack = [], [(a, b"")]
    while stack:
        node, prefix = stack.pop()
        if node == b:
            found.append(prefix)
            continue
        for low, high, target in net.made.get(node, ()):
            stack.extend((target, prefix + bytes([byte])) for byte in range(low, high + 1))
    return found


def check(ranges: Ranges) -> int:
    net = Recorder()
    add_characters(net, net.main.start, ranges, net.main.end)
    found = spelled(net, net.main.start, net.main.end)
    assert len(found) == len(set(found))
    assert set(found) == {chr(c).encode() for c in members(ranges) if not 0xD800 <= c <= 0xDFFF}
    return net.size


def test_all_of_unicode_takes_few_nodes() -> None:
    assert check(FULL) <= 10


@pytest.mark.parametrize("letter, nodes", [("w", 320), ("d", 30), ("s", 12), ("W", 320)])
def test_classes(letter: str, nodes: int) -> None:
    assert check(unicode_tables.named_class(letter, "python", False)) <= nodes


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 0x1FFF) | st.integers(0, LAST), st.sampled_from([0, 1, 62, 63, 64, 4095, 4096])))
)
def test_any_set(pairs: list[tuple[int, int]]) -> None:
    check(from_pairs((low, min(low + width, LAST)) for low, width in pairs))


def test_borders_of_lengths_and_surrogates() -> None:
    check(from_characters("\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"))
    assert check(((0xD7FF, 0xE000),)) > 0


def test_surrogates_alone_add_nothing() -> None:
    net = Recorder()
    add_characters(net, net.main.start, ((0xD800, 0xDFFF),), net.main.end)
    assert net.made == {}


def test_nodes_before_a_target_are_shared() -> None:
    net = Recorder()
    start, end = net.main
    other = net.node()
    add_characters(net, start, unicode_tables.python_class("w"), end)
    before = net.size
    add_characters(net, other, unicode_tables.python_class("w"), end)
    assert net.size == before + 1
