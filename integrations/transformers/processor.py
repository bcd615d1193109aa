"""`constrain`: a grammar as a logits processor of transformers."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LogitsProcessor

from ...decoding import DeadEnd, DecodingError, TokenRejected, Vocabulary, WrongVocabulary
from ...decoding.apply import MaskTable, apply_bitmask
from ...decoding.masker import DEAD, FINISHED
from ...grammars import GrammarError
from .constraint import FREE, Constraint, build, vocabulary_of
from .host import Host, caller
from .prefixes import Prefixes, to_array


def constrain(
    tokenizer: Any,
    grammar: Any,
    *,
    max_new_tokens: int | None = None,
    trigger: str | bytes | None = None,
    vocabulary: Vocabulary | None = None,
    eos_token_ids: Iterable[int] | int | None = None,
) -> GrammarProcessor:
    """A logits processor that lets `generate` produce only what a grammar allows.

        model.generate(**inputs, logits_processor=[constrain(tokenizer, grammar)])

    Args:
        tokenizer: the model's tokenizer.
        grammar: a Grammar, a pydantic class or a JSON schema; or a list with one of these, or None for no constraint,
            for each prompt of the batch. With beams or several sequences per prompt, give one per prompt all the same.
        max_new_tokens: the value that `generate` is given. The text is then always complete within that many tokens;
            the last of them may be text, so that `generate` ends without an end-of-sequence token.
        trigger: text before which everything is allowed, and after which the grammar holds; only what is generated
            counts, not the prompt. It may end in the middle of a token. The name of a control token means that token.
            Before a trigger that is text, control tokens other than EOS are not allowed.
        vocabulary: instead of the one read from the tokenizer.
        eos_token_ids: instead of the tokenizer's own. A model's generation_config may list more than its tokenizer.

    The state of a row is a function of its tokens after the prompt, never of the number of calls; so greedy and
    sampled generation, beams, several sequences per prompt, assisted decoding, padding and rows that end early all
    work, and one processor serves any number of calls of `generate`, one after the other.

    Where the prompt ends: what a call of `generate` hands over first is its prompt. One call of `generate` is told
    from the next by the `LogitsProcessorList` that each makes for itself, seen on the call stack (`host.py`). In a
    loop of your own, rows that follow what was seen by at most one token go on, and any others begin anew; call
    `reset()` between prompts where a prompt may be the one before and a little more.

    Raises GrammarError and VocabularyError for grammars and tokenizers that cannot be used, CannotClose where
    max_new_tokens are too few. While generating: WrongVocabulary for logits of another width, DecodingError for a
    list of grammars that does not fit the batch, TokenRejected for a token that something else forced upon a row,
    DeadEnd where nothing that the grammar allows is left with a probability above zero.
    """
    if max_new_tokens is not None and max_new_tokens < 1:
        raise DecodingError(f"max_new_tokens must be at least 1, not {max_new_tokens}")
    if vocabulary is None:
        vocabulary = vocabulary_of(tokenizer, eos_token_ids)
    elif eos_token_ids is not None:
        raise DecodingError("give either a vocabulary, which has its EOS ids, or eos_token_ids, not both")
    if grammar is None:
        raise GrammarError("grammar is None: nothing would be constrained; in a list it stands for a prompt left free")
    entries = list(grammar) if isinstance(grammar, list | tuple) else [grammar]
    if not entries:
        raise DecodingError("the list of grammars is empty: one entry per prompt is needed")
    constraints = [build(entry, tokenizer, vocabulary, trigger, max_new_tokens) for entry in entries]
    return GrammarProcessor(constraints, vocabulary, max_new_tokens, getattr(tokenizer, "pad_token_id", None))


class GrammarProcessor(LogitsProcessor):  # type: ignore[misc]
    """What `constrain` returns; see there. Threads may share it."""

    def __init__(
        self,
        constraints: list[Constraint],
        vocabulary: Vocabulary,
        max_new_tokens: int | None,
        pad_token_id: int | None,
    ) -> None:
        self.vocabulary = vocabulary
        self.max_new_tokens = max_new_tokens
        self._constraints = constraints
        self._padding = {*vocabulary.eos_token_ids, *(() if pad_token_id is None else (pad_token_id,))}
        self._live: list[tuple[weakref.ref[Any] | None, Prefixes]] = []
        self._tables: dict[torch.device, MaskTable] = {}
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Forget all generations: the rows of the next call are taken for prompts."""
        with self._lock:
            self._live = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores [rows, width], in a new tensor, with minus infinity where the grammar forbids."""
        host = caller()
        check_scores(input_ids, scores, self.vocabulary.size, len(self._constraints))
        with self._lock:
            generation = self._generation(host, input_ids)
            generated = to_array(input_ids[:, generation.length :])
            states = generation.states(generated)
        rows = self._rows(states, generated, host.drafts)
        constrained = [i for i, state in enumerate(states) if state != FREE]
        if not constrained and (rows == 0xFFFFFFFF).all():
            return scores
        masked = scores.clone(memory_format=torch.contiguous_format)
        size = self.vocabulary.size
        apply_bitmask(masked[:, :size], self._on_device(rows, scores.device))
        if scores.shape[1] > size and len(constrained) == len(states):
            masked[:, size:] = -torch.inf
        elif scores.shape[1] > size:
            masked[constrained, size:] = -torch.inf
        self._check_survivors(masked, rows, states)
        return masked

    def _generation(self, host: Host, input_ids: torch.Tensor) -> Prefixes:
        """The generation to which a call belongs; see `constrain` for the rule."""
        self._live = [(ref, g) for ref, g in self._live if ref is None or ref() is not None]
        for i, (ref, generation) in enumerate(self._live):
            own = ref is None if host.processors is None else ref is not None and ref() is host.processors
            if not own:
                continue
            if generation.follows(input_ids):
                generated = to_array(input_ids[:, generation.length :])
                appended = generated.shape[1] > generation.longest
                states = generation.known(generated) if ref is None else generation.states(generated)
                if states is not None and (DEAD not in states or appended or host.drafts):
                    return generation
            del self._live[i]  # of another prompt, in a loop of the caller's own
            break
        each = input_ids.shape[0] // len(self._constraints)
        numbers = [i // each for i in range(input_ids.shape[0])]
        starts = [(number, self._constraints[number].start) for number in numbers]
        generation = Prefixes(input_ids, starts, functools.partial(self._accept, len(numbers) > 1))
        self._live.append((None if host.processors is None else weakref.ref(host.processors), generation))
        return generation

    def _accept(self, batched: bool, number: int, state: int, token: int) -> int:
        after = self._constraints[number].accept(state, token)
        if after == DEAD and state != DEAD and batched and token in self._padding:
            return FINISHED  # the host stopped this row by a rule of its own and pads it
        return after

    def _rows(self, states: list[int], generated: NDArray[np.int64], drafts: bool) -> NDArray[np.uint32]:
        """Bitmask rows, uint32 [rows, words]."""
        rows = np.empty((len(states), (self.vocabulary.size + 31) // 32), np.uint32)
        remaining = None if self.max_new_tokens is None else self.max_new_tokens - generated.shape[1]
        each = len(states) // len(self._constraints)
        for i, state in enumerate(states):
            constraint = self._constraints[i // each]
            if state == DEAD and not drafts:
                raise TokenRejected(self._rejection(constraint, i, generated[i].tolist()))
            constraint.fill(state, rows[i], remaining)
        return rows

    def _rejection(self, constraint: Constraint, i: int, tokens: list[int]) -> str:
        state, place = constraint.start, 0
        while (after := constraint.accept(state, tokens[place])) != DEAD:
            state, place = after, place + 1
        masker, token = constraint.masker, tokens[place]
        assert masker is not None  # no state of a row without a grammar is dead
        allowed = masker.allowed(state)
        some = ", ".join(f"{t} ({self._spell(int(t))})" for t in allowed[:4])
        return (
            f"row {i}: token {token} ({self._spell(token)}) was appended after "
            f"{self.vocabulary.text(tokens[:place])[-40:]!r}, where the grammar allows {len(allowed)} tokens, such as "
            f"{some}; another logits processor or the host has forced it"
        )

    def _spell(self, token: int) -> str:
        if token in self.vocabulary.eos_token_ids:
            return "end of sequence"
        data = self.vocabulary.token_bytes(token) if token < self.vocabulary.size else b""
        return repr(data) if data else "no text"

    def _on_device(self, rows: NDArray[np.uint32], device: torch.device) -> NDArray[np.uint32] | torch.Tensor:
        if device.type == "cpu":
            return rows
        if device not in self._tables:
            self._tables[device] = MaskTable(self.vocabulary.size, device)
        return self._tables[device].rows(rows)

    def _check_survivors(self, masked: torch.Tensor, rows: NDArray[np.uint32], states: list[int]) -> None:
        """Raise DeadEnd for a row of minus infinities: greedy search would take token 0, and sampling would fail."""
        # One allowed token that survives clears a row; only rows where the first has not are looked through.
        words = (rows != 0).argmax(1)
        bits = rows[np.arange(len(rows)), words]
        first = words * 32 + np.log2(np.maximum(bits & (~bits + np.uint32(1)), 1)).astype(np.int64)
        values = masked.gather(1, torch.from_numpy(first).unsqueeze(1).to(masked.device)).flatten().tolist()
        for i, (state, value) in enumerate(zip(states, values, strict=True)):
            if value == -torch.inf and state not in (FINISHED, DEAD) and bool(torch.isneginf(masked[i]).all()):
                raise DeadEnd(
                    f"row {i}: every token that the grammar allows here has been given probability zero by another "
                    "logits processor or by the model"
                )


def check_scores(input_ids: torch.Tensor, scores: torch.Tensor, size: int, constraints: int) -> None:
    """Raise WrongVocabulary or DecodingError for rows that do not fit a vocabulary or a number of constraints."""
    if scores.dim() != 2 or input_ids.dim() != 2 or input_ids.shape[0] != scores.shape[0]:
        raise WrongVocabulary(
            f"tokens [rows, length] and scores [rows, width] are needed, not {list(input_ids.shape)} "
            f"and {list(scores.shape)}"
        )
    width = scores.shape[1]
    if not size <= width <= size + max(128, size // 16):
        raise WrongVocabulary(
            f"the logits have {width} columns, but the grammar was compiled for the {size} tokens of a vocabulary "
            f"(a model may pad that to at most {size + max(128, size // 16)}): the tokenizer is another model's"
        )
    if scores.shape[0] % constraints:
        raise DecodingError(
            f"{constraints} grammars were given, one per prompt, but {scores.shape[0]} rows are generated, which is no "
            "multiple of it"
        )
