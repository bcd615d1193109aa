"""One face for all engines that turn a JSON schema into token masks: ours, llguidance, XGrammar and Outlines-core.

Each adapter is made from a tokenizer (what an application does once), compiles a schema, and makes a `Matcher` for one
text. The adapters call the engines as their documentation and vLLM's backends do, writing masks into a buffer that was
allocated before: uint32 [n, words], bit i & 31 of word i >> 5 being token i.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from importlib.metadata import version
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint32]


class Refused(Exception):
    """The engine does not take this schema, and says so."""


class Matcher(Protocol):
    """The state of one text."""

    def fill(self) -> None:
        """Write the mask of the next token into the matcher's row."""

    def accept(self, token: int) -> bool:
        """Go on by a token; False where the engine does not take it."""


class Engine(ABC):
    """An engine bound to a tokenizer.

    Attributes:
        title: heading of its column.
        package: the distribution whose version is printed.
        module: the module to import.
        every: of how many schemas one is asked (1: all).
        seconds: CPU time limit of one compilation.
    """

    title: ClassVar[str]
    package: ClassVar[str]
    every: ClassVar[int]
    module: ClassVar[str]
    seconds: ClassVar[float]

    @abstractmethod
    def __init__(self, tokenizer: Any) -> None: ...

    @abstractmethod
    def compile(self, schema: Any) -> Any:
        """Whatever `matcher` needs; raises Refused."""

    @abstractmethod
    def matcher(self, compiled: Any, rows: Rows, index: int) -> Matcher:
        """A matcher at the start of a text that fills `rows[index]`."""


class Ours(Engine):
    """bytebound: `json_schema` and `Masker`, default options."""

    title, package, every, seconds = "ours", "bytebound", 1, 60.0
    module = "bytebound.decoding"

    def __init__(self, tokenizer: Any) -> None:
        from bytebound.decoding import Vocabulary

        self.vocabulary = Vocabulary.from_tokenizer(tokenizer)

    def compile(self, schema: Any) -> Any:
        from bytebound import decoding, grammars

        try:
            return decoding.Masker(grammars.json_schema(schema, cache=False), self.vocabulary)
        except grammars.GrammarError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    def matcher(self, compiled: Any, rows: Rows, index: int) -> Matcher:
        return _OursMatcher(compiled, rows[index])


class _OursMatcher:
    def __init__(self, masker: Any, row: Rows) -> None:
        self.masker, self.row, self.state = masker, row, masker.start

    def fill(self) -> None:
        self.masker.fill(self.state, self.row)

    def accept(self, token: int) -> bool:
        self.state = self.masker.accept(self.state, token)
        return bool(self.state != -1)


class LLGuidance(Engine):
    """llguidance: `LLMatcher`, masks written through a pointer, its fastest way (`fill_next_token_bitmask` looks the
    pointer up every time, which adds about 3.5 us); a text is begun by `reset`, which keeps what was learnt."""

    title, package, every, seconds = "llguidance", "llguidance", 1, 20.0
    module = "llguidance.hf"

    def __init__(self, tokenizer: Any) -> None:
        import llguidance.hf

        self.library = llguidance
        self.tokenizer = llguidance.hf.from_tokenizer(tokenizer)

    def compile(self, schema: Any) -> Any:
        grammar = self.library.LLMatcher.grammar_from_json_schema(json.dumps(schema))
        matcher = self.library.LLMatcher(self.tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise Refused(matcher.get_error())
        return matcher

    def matcher(self, compiled: Any, rows: Rows, index: int) -> Matcher:
        compiled.reset()
        return _LLMatcher(compiled, rows[index])


class _LLMatcher:
    def __init__(self, matcher: Any, row: Rows) -> None:
        self.write, self.accept = matcher.unsafe_compute_mask_ptr, matcher.consume_token
        self.row, self.pointer, self.bytes = row, row.ctypes.data, row.nbytes

    def fill(self) -> None:
        self.write(self.pointer, self.bytes)


class XGrammar(Engine):
    """XGrammar as vLLM calls it: any whitespace, strict mode. No cache of compiled grammars between schemas."""

    title, package, every, seconds = "XGrammar", "xgrammar", 1, 20.0
    module = "xgrammar"
    strict = True

    def __init__(self, tokenizer: Any) -> None:
        import xgrammar

        self.library = xgrammar
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer)
        self.compiler = xgrammar.GrammarCompiler(info, cache_enabled=False)

    def compile(self, schema: Any) -> Any:
        try:
            return self.compiler.compile_json_schema(json.dumps(schema), any_whitespace=True, strict_mode=self.strict)
        except Exception as error:  # its errors have no base class of their own
            raise Refused(f"{type(error).__name__}: {error}") from error

    def matcher(self, compiled: Any, rows: Rows, index: int) -> Matcher:
        return _XMatcher(self.library.GrammarMatcher(compiled), rows, index)


class XGrammarLoose(XGrammar):
    """XGrammar with `strict_mode=False`, which allows properties and items that the schema does not name."""

    title = "XGrammar non-strict"
    strict = False


class _XMatcher:
    def __init__(self, matcher: Any, rows: Rows, index: int) -> None:
        self.index, self.write, self.accept = index, matcher.fill_next_token_bitmask, matcher.accept_token
        self.rows = _tensor(rows)

    def fill(self) -> None:
        self.write(self.rows, self.index)


class Outlines(Engine):
    """Outlines-core: a regular expression of the schema, then an `Index` of all its states over the vocabulary.

    Its vocabulary is given our token bytes. The index takes long to build, so few schemas are asked, each within a
    time limit.
    """

    title, package, every, seconds = "Outlines-core", "outlines-core", 20, 60.0
    module = "outlines_core"

    def __init__(self, tokenizer: Any) -> None:
        import outlines_core
        from bytebound.decoding import Vocabulary

        self.library = outlines_core
        ours = Vocabulary.from_tokenizer(tokenizer)
        self.tokens: dict[bytes, list[int]] = {}
        for i in range(ours.size):
            if data := ours.token_bytes(i):
                self.tokens.setdefault(data, []).append(i)
        self.vocabulary = outlines_core.Vocabulary(tokenizer.eos_token_id, self.tokens)

    def compile(self, schema: Any) -> Any:
        try:
            pattern = self.library.json_schema.build_regex_from_schema(json.dumps(schema))
            return self.library.Index(pattern, self.vocabulary)
        except Exception as error:  # its errors have no base class of their own
            raise Refused(f"{type(error).__name__}: {error}") from error

    def matcher(self, compiled: Any, rows: Rows, index: int) -> Matcher:
        return _OutlinesMatcher(self.library.Guide(compiled), rows[index])


class _OutlinesMatcher:
    def __init__(self, guide: Any, row: Rows) -> None:
        self.guide, self.row = guide, row
        self.pointer, self.words = row.ctypes.data, row.size

    def fill(self) -> None:
        self.guide.write_mask_into(self.pointer, self.words, 4)

    def accept(self, token: int) -> bool:
        try:
            self.guide.advance(token, return_tokens=False)
        except ValueError:
            return False
        return True


class NullMatcher:
    """Does nothing: its time is the clock's and the adapter's, and is taken off every other."""

    def fill(self) -> None:
        pass

    def accept(self, token: int) -> bool:
        return True


def _tensor(rows: Rows) -> Any:
    import torch

    return torch.from_numpy(rows.view(np.int32))


ENGINES: dict[str, type[Engine]] = {
    "ours": Ours,
    "llguidance": LLGuidance,
    "xgrammar": XGrammar,
    "xgrammar-loose": XGrammarLoose,
    "outlines": Outlines,
}


def engine_version(engine: type[Engine]) -> str:
    """The installed version of the engine's distribution."""
    return version(engine.package)
