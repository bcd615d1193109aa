"""The scope automaton: an `Automaton` over bytes that knows what a context-free grammar of SQL cannot.

A small lexer over the parser of `machine.py`. A state is a configuration of the parser and the token that was begun;
tokens go on as long as they can, as in the lexers of the databases. Its language is within that of the grammar of the
same rules.
"""

from __future__ import annotations

from ..automaton import DEAD
from ..lazy_automaton import LazyAutomaton
from ..scoped import ANYTHING, DIGITS, EVERY, Shape
from ..utf8 import follow, unfinished
from .contents import date_byte
from .least import Least
from .levels import Scope
from .machine import Machine
from .options import Target
from .places import LONGEST_NAME, Place
from .shapes import BETWEEN, NUMBER, OTHER, QUOTED, QUOTED_END, STRING, STRING_END, SYMBOL, WORD, shape_of
from .terminals import Terminals
from .traces import Traces

_BLANK = frozenset(b" \t\n\r")
_DIGITS = frozenset(b"0123456789")
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_OPERATORS = frozenset(b"+-*/<>=!|%&~^#@?:")
_IN_WORDS = _LETTERS | _DIGITS
_QUOTES = frozenset(b"'\"`")

Lexeme = tuple[int, int, str, int]
"""Configuration, mode, what was read of the token, and white space or the kind of quotes."""


class ScopeAutomaton(LazyAutomaton[Lexeme]):
    """See the module.

    Args:
        machine, rules: the parser and the actions.
        start: rule to begin with.
        whitespace: the longest run of white space.
        states: how many states are made before BudgetExceeded.
    """

    def __init__(
        self, machine: Machine, rules: Terminals, start: str, *, whitespace: int = 8, states: int = 2_000_000
    ) -> None:
        super().__init__(states)
        self.machine, self.rules, self.whitespace = machine, rules, whitespace
        self._named = Traces(rules.names_of)
        self._places: list[Place | None] = []
        self._configurations: list[Target] = []
        self._numbers: dict[Target, int] = {}
        self._ends: dict[Lexeme, int | None] = {}
        self._least = Least(machine, rules.relations, rules.dialect)
        first = self._configuration((machine.start(start), Scope()))
        self.start = self._intern((first, BETWEEN, "", 0))

    def _following(self, state: int, byte: int) -> int:
        lexeme = self._next(*self._states[state], byte)
        return DEAD if lexeme is None else self._intern(lexeme)

    def is_accepting(self, state: int) -> bool:
        """See `Automaton.is_accepting`."""
        if self.is_dead(state):
            return False
        with self._lock:
            configuration, mode, text, extra = self._states[state]
            if mode != BETWEEN:
                ended = self._end(configuration, mode, text, extra)
                if ended is None:
                    return False
                configuration = ended
            return self._place(configuration).ends

    def shape(self, state: int, among: int = EVERY) -> Shape:
        """See `ScopingAutomaton.shape`."""
        if self.is_dead(state):
            return Shape()
        with self._lock:
            configuration, mode, text, extra = self._states[state]
            return shape_of(self, self._place(configuration), mode, text, extra, among)

    def ended(self, state: int) -> int:
        """See `ScopingAutomaton.ended`."""
        if self.is_dead(state):
            return DEAD
        with self._lock:
            configuration, mode, text, extra = self._states[state]
            ended = self._end(configuration, mode, text, extra)
            return DEAD if ended is None else self._intern((ended, BETWEEN, "", 0))

    def after(self, state: int, text: bytes, among: int) -> int:
        """See `ScopingAutomaton.after`."""
        with self._lock:
            configuration, mode, begun, extra = self._states[state]
            first = text[:1]
            if mode == WORD:
                ended = self._end(configuration, WORD, begun + text.decode().lower(), 0, among)
            elif mode != BETWEEN:
                return self.ended(self.advance(state, text))
            elif first[0] in _LETTERS:
                ended = self._end(configuration, WORD, text.decode().lower(), 0, among)
            elif first[0] in _QUOTES and first != self.rules.dialect.quote.encode():
                ended = self._end(configuration, STRING_END, "", first[0], among)
            elif first[0] in _QUOTES:
                ended = self._end(configuration, QUOTED_END, text[1:-1].decode("latin-1"), first[0], among)
            elif first == b"(" and extra and self.is_call(self._place(configuration)):
                return DEAD
            else:
                ended = self._end(configuration, SYMBOL, text.decode(), 0, among)
            return DEAD if ended is None else self._intern((ended, BETWEEN, "", 0))

    def renamed(self, state: int, name: str) -> tuple[str, int] | None:
        """See `ScopingAutomaton.renamed`."""
        if self.is_dead(state):
            return None
        with self._lock:
            configuration, mode, text, _ = self._states[state]
            if mode != WORD:
                return None
            lexeme = self._word(configuration, self._place(configuration), name)
            return text, DEAD if lexeme is None else self._intern(lexeme)

    def estimate(self, state: int) -> int:
        """See `ScopingAutomaton.estimate`."""
        return 0 if self.is_dead(state) else self._least.lexemes(*self._configurations[self._states[state][0]])

    def leap(self, state: int) -> int:
        """See `ScopingAutomaton.leap`."""
        return self._least.leap(Scope() if self.is_dead(state) else self._configurations[self._states[state][0]][1])

    def is_escape(self, byte: int) -> bool:
        return byte == 0x5C and self.rules.dialect.name == "mysql"

    def is_call(self, place: Place) -> bool:
        """Whether a parenthesis would begin a call; MySQL wants it right behind the name of a function."""
        if self.rules.dialect.name != "mysql":
            return False
        call = place.by_symbol("(")
        return call is not None and bool(call[1].word)

    def may_be_blank(self, place: Place) -> bool:
        """Whether white space may come."""
        return not self.is_call(place) or place.goes_on_without("(")

    def _configuration(self, target: Target) -> int:
        known = self._numbers.get(target)
        if known is None:
            known = self._numbers[target] = len(self._configurations)
            self._configurations.append(target)
            self._places.append(None)
        return known

    def _place(self, configuration: int) -> Place:
        place = self._places[configuration]
        if place is None:
            place = Place(self.machine, self.rules, self._named, *self._configurations[configuration])
            self._places[configuration] = place
        return place

    def _reach(self, target: Target | None) -> int | None:
        """The configuration of a target, None where nothing may follow."""
        if target is None:
            return None
        actions, stack = self.machine.settled(target[0])
        scope: Scope | None = target[1]
        for action in actions:
            scope = self.rules.actions[action](scope)  # type: ignore[arg-type]
            if scope is None:
                return None
        configuration = self._configuration((stack, scope))  # type: ignore[arg-type]
        return configuration if self._place(configuration).alive else None

    def _next(self, configuration: int, mode: int, text: str, extra: int, byte: int) -> Lexeme | None:
        place = self._place(configuration)
        if mode == BETWEEN:
            return self._begin(configuration, place, extra, byte)
        if mode == WORD and byte in _IN_WORDS:
            return self._word(configuration, place, text + chr(byte).lower())
        if mode == NUMBER and (byte in _IN_WORDS or byte == 0x2E):
            return self._digits(configuration, place, text, byte)
        if mode == SYMBOL:
            longer = text + chr(byte)
            if longer in place.symbol_prefixes:
                return configuration, SYMBOL, longer, 0
            if byte in _OPERATORS:
                return None
        if mode == STRING:
            if byte == extra:
                if text if not place.is_dated else len(text) < len(place.pattern):
                    return None
                return configuration, STRING_END, "", extra
            return self._content(configuration, place, text, extra, byte)
        if mode == STRING_END and byte == extra:
            return None if place.is_dated else (configuration, STRING, "", extra)
        if mode == QUOTED:
            if byte == extra:
                if text[1:] if text.startswith(OTHER) else unfinished(text):
                    return None
                ends = self._end(configuration, QUOTED_END, text, extra) is not None
                goes_on = self._in_quotes(configuration, place, text, extra, byte) is not None
                return (configuration, QUOTED_END, text, extra) if ends or goes_on else None
            return self._in_quotes(configuration, place, text, extra, byte)
        if mode == QUOTED_END and byte == extra:
            return self._in_quotes(configuration, place, text, extra, byte)
        ended = self._end(configuration, mode, text, extra)
        return None if ended is None else self._begin(ended, self._place(ended), 0, byte)

    def _begin(self, configuration: int, place: Place, blanks: int, byte: int) -> Lexeme | None:
        """The first byte of a token, or white space."""
        if byte in _BLANK:
            if not self.may_be_blank(place):
                return None
            return (configuration, BETWEEN, "", blanks + 1) if blanks < self.whitespace else None
        if byte == 0x28 and blanks and self.is_call(place):
            return None
        if byte in _LETTERS:
            return self._word(configuration, place, chr(byte).lower())
        if byte in _DIGITS:
            place.look(DIGITS)
            return self._digits(configuration, place, "", byte) if place.number else None
        place.look(1 << byte)
        if byte == 0x27:
            return (configuration, STRING, "", byte) if place.string else None
        if byte == ord(self.rules.dialect.quote) and (place.quoted or (place.double and byte == 0x22)):
            return configuration, QUOTED, "", byte
        if byte == 0x22 and place.double:
            return configuration, STRING, "", byte
        symbol = chr(byte)
        if symbol not in place.symbol_prefixes or not symbol:
            return None
        if byte in _OPERATORS:
            return configuration, SYMBOL, symbol, 0
        ended = self._end(configuration, SYMBOL, symbol, 0)
        return None if ended is None else (ended, BETWEEN, "", 0)

    @staticmethod
    def _word(configuration: int, place: Place, text: str) -> Lexeme | None:
        if text in place.word_prefixes or (place.fresh and len(text) <= LONGEST_NAME):
            return configuration, WORD, text, 0
        return None

    @staticmethod
    def _digits(configuration: int, place: Place, text: str, byte: int) -> Lexeme | None:
        if place.numeral_prefixes is not None:
            text += chr(byte)
            return (configuration, NUMBER, text, 0) if text in place.numeral_prefixes else None
        if byte == 0x2E:
            if not place.decimal or "." in text or not text:
                return None
            return configuration, NUMBER, text + ".", 0
        if byte not in _DIGITS or len(text.rpartition(".")[2]) >= place.longest_number:
            return None
        return configuration, NUMBER, text + "1", 0  # which digit it is makes no difference

    def _content(self, configuration: int, place: Place, text: str, quote: int, byte: int) -> Lexeme | None:
        if place.is_dated:
            longer = date_byte(place.pattern, text, byte)
        else:
            longer = None if byte == 0 or self.is_escape(byte) else follow(text, byte)
        return None if longer is None else (configuration, STRING, longer, quote)

    def _in_quotes(self, configuration: int, place: Place, text: str, quote: int, byte: int) -> Lexeme | None:
        if byte == 0:
            return None
        fold = byte < 0x80 and self.rules.dialect.name != "postgres"
        longer = text + (chr(byte).lower() if fold else chr(byte))  # bytes as characters, as in the names' prefixes
        if not text.startswith(OTHER):
            if longer in place.quoted_prefixes:
                return configuration, QUOTED, longer, quote
            text = OTHER + unfinished(text)
        if not place.double or quote != 0x22:
            return None
        pending = follow(text[1:], byte)
        return None if pending is None else (configuration, QUOTED, OTHER + pending, quote)

    def _end(self, configuration: int, mode: int, text: str, extra: int, among: int = ANYTHING) -> int | None:
        """The configuration behind a token that ends here; remembered. None also where nothing can follow that begins
        with bytes `among`."""
        key = configuration, mode, text, extra
        if key in self._ends:
            return self._ends[key]
        found = self._found_end(*key, among)
        if found is not None or among == ANYTHING:
            self._ends[key] = found
        return found

    def _found_end(self, configuration: int, mode: int, text: str, extra: int, among: int) -> int | None:
        place = self._place(configuration)
        if mode == WORD:
            return self._reach(place.by_word(text, among))
        if mode == NUMBER:
            return None if text.endswith(".") else self._reach(place.by_number(text))
        if mode == SYMBOL:
            return self._reach(place.by_symbol(text, among))
        if mode == STRING_END:
            return self._reach(place.by_string(among))
        if mode == QUOTED_END:
            key = text if text == OTHER else text.encode("latin-1").decode(errors="replace")
            if key in place.quoted:
                return self._reach(place.by_quoted(key, among))
            if place.double and extra == 0x22 and not place.is_name(key):
                return self._reach(place.by_string(among))
        return None
