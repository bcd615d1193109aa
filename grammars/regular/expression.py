"""A parsed pattern: its deterministic automaton over characters, and its emission into a byte network."""

from __future__ import annotations

from functools import lru_cache

from ..errors import BudgetExceeded, GrammarError
from ..network import Network, Rule
from . import alternating, subset
from .anchors import whole_text, without_conditions
from .automaton import MAX_STATES, AddCharacters, CharacterAutomaton
from .nfa import ACCEPT, Nfa
from .parser import read
from .scanner import shown
from .syntax import ANYTHING, FAIL, Characters, Choice, Node, Repeat, Sequence, choice, merge_loops, sequence

# Written out, a repetition costs a state for each round; beyond so many it is counted by the network instead.
WRITTEN_OUT = 4
_MAX_NODES = 20_000
_MAX_WORK = 4_000_000  # visits of nodes; a second or two
_MAX_LOOKING = 400_000  # operations on Boolean functions; two or three seconds
_PART_STATES = 2_000  # of a deterministic part of an emission; beyond, the part is emitted as it is written
_PART_NODES = 4_000
_PART_WORK = 400_000


class Expression:
    """A regular expression, parsed and without captures. Made by `parse`.

    Attributes:
        pattern, dialect, flags: as given to `parse`. A tree may be given, of which the pattern is the name in errors.
    """

    def __init__(self, pattern: str, dialect: str, flags: str, tree: Node | None = None) -> None:
        self.pattern = pattern
        self.dialect = dialect
        self.flags = flags
        self._node = merge_loops(read(pattern, dialect, flags) if tree is None else tree)
        self._automata: dict[tuple[bool, int], CharacterAutomaton] = {}
        self._plain: dict[bool, Node | None] = {}
        self._parts: dict[Node, CharacterAutomaton | None] = {}
        self._pieces: dict[Node, list[Node]] = {}

    def __repr__(self) -> str:
        return f"<Expression {shown(self.pattern)} ({self.dialect})>"

    @property
    def tree(self) -> Node:
        """The syntax tree."""
        return self._node

    def automaton(self, search: bool = False, max_states: int = MAX_STATES) -> CharacterAutomaton:
        """The minimal deterministic automaton of the texts that the pattern matches in full, or (search) somewhere.

        Raises:
            BudgetExceeded: it needs more than `max_states` states before minimisation, or too much work.
        """
        key = search, max_states
        automaton = self._automata.get(key)
        if automaton is None:
            plain = self._without_conditions(search)
            node = whole_text(self._node, search) if plain is None else plain
            automaton = self._automata[key] = self._determinized(node, plain is None, max_states)
        return automaton

    def _without_conditions(self, search: bool) -> Node | None:
        if search not in self._plain:
            self._plain[search] = without_conditions(self._node, search)
        return self._plain[search]

    def _determinized(
        self, node: Node, conditions: bool, max_states: int, max_nodes: int = _MAX_NODES, max_work: int = _MAX_WORK
    ) -> CharacterAutomaton:
        name = f"the pattern {shown(self.pattern)}"
        nfa = Nfa(max_nodes, name)
        start = nfa.build(node, ACCEPT)
        if conditions:
            return CharacterAutomaton.from_rows(*alternating.determinize(nfa, start, max_states, _MAX_LOOKING, name))
        return CharacterAutomaton.from_rows(*subset.determinize(nfa, start, max_states, max_work, name))

    # emission

    def emit(self, net: Network, a: int, b: int, add_characters: AddCharacters, search: bool = False) -> None:
        """Add the language of full matches (or of texts with a match, for `search`) between nodes a and b.

        Long repetitions become counted loops of the network, the rest deterministic parts. `add_characters(net, x,
        ranges, y)` adds the bytes that spell one character of a set between nodes x and y.

        Raises:
            BudgetExceeded: lookarounds in the pattern need more states than the budget of `automaton`.
        """
        plain = self._without_conditions(search)
        if plain is None:
            self.automaton(search).emit(net, a, b, add_characters)
            return
        if search and plain is not FAIL and _is_unanchored(plain):
            whole = self._part(plain)
            if whole is not None:
                whole.emit(net, a, b, add_characters)
                return
        self._emit(plain, net, a, b, add_characters)

    def _part(self, node: Node) -> CharacterAutomaton | None:
        """The automaton of a part without conditions, if it is small enough."""
        if node not in self._parts:
            try:
                self._parts[node] = self._determinized(node, False, _PART_STATES, _PART_NODES, _PART_WORK)
            except BudgetExceeded:
                self._parts[node] = None
        return self._parts[node]

    def _emit(self, node: Node, net: Network, a: int, b: int, add: AddCharacters) -> None:
        if isinstance(node, Characters):
            add(net, a, node.ranges, b)
            return
        if not _counts(node):
            part = self._part(node)
            if part is not None:
                part.emit(net, a, b, add)
                return
        match node:
            case Sequence(items):
                if node not in self._pieces:  # kept, so that their automata are found again
                    self._pieces[node] = _runs(items)
                self._emit_sequence(self._pieces[node], net, a, b, add)
            case Choice(options):
                if node not in self._pieces:
                    self._pieces[node] = _branches(options)
                for option in self._pieces[node]:
                    self._emit(option, net, a, b, add)
            case Repeat():
                self._emit_loop(node, net, a, b, add)

    def _emit_sequence(self, items: list[Node], net: Network, a: int, b: int, add: AddCharacters) -> None:
        if not items:
            net.epsilon(a, b)
        for i, item in enumerate(items):
            target = b if i == len(items) - 1 else net.node()
            self._emit(item, net, a, target, add)
            a = target

    def _emit_loop(self, loop: Repeat, net: Network, a: int, b: int, add: AddCharacters) -> None:
        body, minimum, maximum = loop.body, loop.minimum, loop.maximum
        counted = minimum > WRITTEN_OUT or (maximum is not None and maximum > WRITTEN_OUT)
        if counted:
            after = b if maximum is not None else net.node()
            net.repeat(a, self._rule(body, net, add), after, minimum, minimum if maximum is None else maximum)
            if maximum is not None:
                return
            a = after
        else:
            for _ in range(minimum):
                after = net.node()
                self._emit(body, net, a, after, add)
                a = after
            for _ in range(0 if maximum is None else maximum - minimum):
                net.epsilon(a, b)
                after = net.node()
                self._emit(body, net, a, after, add)
                a = after
        if maximum is None:
            turn = net.node()
            net.epsilon(a, turn)
            self._emit(body, net, turn, turn, add)
            a = turn
        net.epsilon(a, b)

    def _rule(self, body: Node, net: Network, add: AddCharacters) -> Rule:
        """The rule of a loop's body; one in a network for each set of characters."""
        key = ("regex loop", add, body.ranges if isinstance(body, Characters) else body)
        rule: Rule | None = net.memo.get(key)
        if rule is None:
            rule = net.memo[key] = net.rule()
            self._emit(body, net, rule.start, rule.end, add)
        return rule


def _counts(node: Node) -> bool:
    """Whether the tree holds a repetition of one character that the network should count."""
    match node:
        case Sequence(items) | Choice(items):
            return any(map(_counts, items))
        case Repeat(body, minimum, maximum):
            long = minimum > WRITTEN_OUT or (maximum is not None and maximum > WRITTEN_OUT)
            return (long and isinstance(body, Characters)) or _counts(body)
    return False


def _runs(items: tuple[Node, ...]) -> list[Node]:
    """Parts of a sequence that is too large to be one: runs with nothing to count are kept together, else halves."""
    runs: list[list[Node]] = []
    for item in items:
        if runs and not _counts(item) and not _counts(runs[-1][-1]):
            runs[-1].append(item)
        else:
            runs.append([item])
    if len(runs) == 1:
        half = len(items) // 2
        return [sequence(items[:half]), sequence(items[half:])]
    return [sequence(run) for run in runs]


def _branches(options: tuple[Node, ...]) -> list[Node]:
    """Options of a choice that is too large to be one part: those with nothing to count are kept together."""
    short = [option for option in options if not _counts(option)]
    if 1 < len(short) < len(options):
        return [choice(short), *(option for option in options if _counts(option))]
    return list(options)


def _is_unanchored(node: Node) -> bool:
    """Whether anything may come before or after in one of the options."""
    for option in node.options if isinstance(node, Choice) else (node,):
        items = option.items if isinstance(option, Sequence) else (option,)
        if items and (items[0] is ANYTHING or items[-1] is ANYTHING):
            return True
    return False


@lru_cache(maxsize=4096)
def parse(pattern: str, dialect: str = "python", flags: str = "") -> Expression:
    r"""Parse a regular expression.

    Args:
        pattern: the expression. Laziness and captures do not change its language; lookarounds, anchors, word
            boundaries, atomic groups and possessive quantifiers are exact. \B matches in the empty text, as in `regex`
            and ECMAScript (`re` before Python 3.14 says no).
        dialect: "python" (`re` for str patterns, plus \p{..} and (?<name>..) of `regex`) or "ecma" (ECMA-262 with the
            `u` flag, the dialect of JSON Schema).
        flags: letters among i, m, s (and x, a for Python), on from the start.

    Raises:
        GrammarError: the pattern is broken; `.column` says where.
        Unsupported: `.keyword` names what is refused, such as a back-reference; `.column` says where.
        BudgetExceeded: groups nest too deep, or a repetition is too long.
    """
    if dialect not in ("python", "ecma"):
        raise GrammarError(f"dialect {dialect!r} of a pattern is not one of python, ecma", keyword="dialect")
    return Expression(pattern, dialect, "".join(sorted(set(flags))))
