"""`reject`: properly weighted samples under a constraint from the ordinary `generate` of transformers.

Each row's token is drawn by a step sampler of `decoding.sampling` (Lipkin et al. 2025) and forced upon `generate`; the
product of its weights says how much the row counts. It is importance sampling, without resampling on the way; for that
and for resampled particles see `posterior`.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LogitsProcessor

from ...decoding import DeadEnd, DecodingError, StepSampler, Tester, Vocabulary, step_sampler
from ...decoding.smc.resampling import log_sum, multinomial
from .constraint import to_tester, vocabulary_of
from .host import Host, caller
from .prefixes import to_array
from .processor import check_scores
from .weighted_rows import WeightedRows


def reject(
    tokenizer: Any,
    constraint: Any,
    *,
    sampler: str | StepSampler = "head-tail",
    temperature: float = 1.0,
    seed: int | None = None,
    all_dead: Literal["raise", "keep"] = "raise",
    vocabulary: Vocabulary | None = None,
    eos_token_ids: Iterable[int] | int | None = None,
) -> RejectionProcessor:
    """A logits processor with which `generate(do_sample=True)` draws weighted samples under a constraint.

        processor = reject(tokenizer, constraint, temperature=0.8, seed=0)
        rows = model.generate(**inputs, do_sample=True, num_return_sequences=32, logits_processor=[processor])
        processor.log_weights, processor.log_evidence()     # how much each row counts, log P(constraint) per prompt
        answers = processor.resample(rows, 5, seed=1)       # 5 for each prompt, from the model given the constraint

    Args:
        tokenizer: the model's tokenizer.
        constraint: a Grammar, a pydantic class, a JSON schema, a Predicate, a Conjunction, a Masker or a Tester; or a
            list with one for each prompt of the batch.
        sampler: a step sampler of `decoding.sampling`, or its name.
        temperature: of the model's law. It must be given here, because the processor draws the tokens before `generate`
            would apply its own; temperature, top-k and top-p of `generate` find one token and change nothing.
        seed: of all draws of this processor; None takes it from torch's global generator.
        all_dead: what to do when all rows of a prompt are dead: "raise" DeadEnd at once, or "keep" going.
        vocabulary: instead of the one read from the tokenizer.
        eos_token_ids: instead of the tokenizer's own. A model's generation_config may list more than its tokenizer.

    A row for which no allowed token is found is dead: it ends with EOS, and its weight is zero (log weight -inf). So is
    the weight of a row that is stopped, by max_new_tokens or otherwise, while its text is not complete.

    What a row gets is a function of its tokens so far: asked again after the same ones, the processor repeats its draw.
    One processor serves any number of calls of `generate`; the weights are those of the latest. In a loop of your own
    the rows begin anew whenever they are a prompt again; they must not be moved.

    Raises what `constrain` raises for constraints and tokenizers, InvalidArgument for an unknown sampler. While
    generating: DecodingError under greedy search, beam search and assisted decoding, which a forced draw turns into
    something else, TokenRejected where something replaces a token that was drawn, DeadEnd as said above.
    """
    if not 0 < temperature < math.inf:
        raise DecodingError(f"temperature={temperature}: it must be above 0")
    if all_dead not in ("raise", "keep"):
        raise DecodingError(f'all_dead is "raise" or "keep", not {all_dead!r}')
    if vocabulary is None:
        vocabulary = vocabulary_of(tokenizer, eos_token_ids)
    elif eos_token_ids is not None:
        raise DecodingError("give either a vocabulary, which has its EOS ids, or eos_token_ids, not both")
    if not vocabulary.eos_token_ids:
        raise DecodingError("the vocabulary has no EOS token, so no text could end: give it one (eos_token_ids=)")
    entries = list(constraint) if isinstance(constraint, list | tuple) else [constraint]
    if not entries:
        raise DecodingError("the list of constraints is empty: one entry per prompt is needed")
    testers = [to_tester(entry, vocabulary) for entry in entries]
    return RejectionProcessor(
        testers,
        step_sampler(sampler),
        temperature,
        int(torch.randint(2**63 - 1, ())) if seed is None else seed,
        raises=all_dead == "raise",
        each_prompt=isinstance(constraint, list | tuple),
        pad_token_id=getattr(tokenizer, "pad_token_id", None),
    )


class RejectionProcessor(LogitsProcessor):  # type: ignore[misc]
    """What `reject` returns; see there."""

    def __init__(
        self,
        testers: list[Tester],
        sampler: StepSampler,
        temperature: float,
        seed: int,
        *,
        raises: bool,
        each_prompt: bool,
        pad_token_id: int | None,
    ) -> None:
        self.vocabulary = testers[0].vocabulary
        self.temperature = temperature
        self._testers = testers
        self._sampler = sampler
        self._generator = np.random.default_rng(seed)
        self._raises = raises
        self._each_prompt = each_prompt
        self._padding = {*self.vocabulary.eos_token_ids, *(() if pad_token_id is None else (pad_token_id,))}
        self._live: list[tuple[weakref.ref[Any] | None, WeightedRows]] = []
        self._latest: WeightedRows | None = None
        self._lock = threading.Lock()

    @property
    def log_weights(self) -> NDArray[np.float64]:
        """[rows] logarithms of the weights of the latest rows: the sum of their steps'; -inf where a row is dead, or
        its text not complete (yet)."""
        return self._rows().log_weights()

    @property
    def evaluations(self) -> NDArray[np.int64]:
        """[rows] evaluations of the constraint; a mask counts as its price."""
        return self._rows().evaluations.copy()

    @property
    def prompts(self) -> NDArray[np.int64]:
        """[rows] number of the prompt to which each of the latest rows belongs."""
        return self._rows().prompts.copy()

    def log_evidence(self) -> NDArray[np.float64]:
        """[prompts] logarithm of the mean weight: an unbiased estimate, before the logarithm, of the probability that
        the model's text, up to EOS or until it is stopped, is complete and satisfies the constraint."""
        weights, prompts = self.log_weights, self._rows().prompts
        groups = [weights[prompts == number] for number in range(prompts[-1] + 1)]
        return np.array([log_sum(group) - math.log(len(group)) for group in groups])

    def resample(self, sequences: Any, n: int, seed: int | np.random.Generator | None = None) -> torch.Tensor:
        """n sequences for each prompt, drawn with replacement in proportion to the weights.

        sequences: what `generate` returned: int tensor [rows, length], or an object with `.sequences`. Returns
        [prompts * n, length], those of a prompt together. Raises DeadEnd where all weights of a prompt are zero.
        """
        rows = self._rows()
        tokens: torch.Tensor = getattr(sequences, "sequences", sequences)
        weights = rows.log_weights(rows.of_sequences(tokens))
        generator = np.random.default_rng(seed)
        chosen = []
        for number in range(rows.prompts[-1] + 1):
            group = np.flatnonzero(rows.prompts == number)
            if not np.isfinite(weights[group]).any():
                raise DeadEnd(f"all {len(group)} rows of prompt {number} have weight zero: none can be drawn")
            chosen.append(group[multinomial(weights[group], n, generator)])
        return tokens[torch.from_numpy(np.concatenate(chosen)).to(tokens.device)]

    def reset(self) -> None:
        """Forget all rows: those of the next call are taken for prompts."""
        with self._lock:
            self._live, self._latest = [], None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores [rows, width]: minus infinity but for the token drawn, or EOS in ended rows. In a new tensor, but
        where `generate` has no more use for those given: to clear fresh memory can take as long as to draw."""
        host = caller()
        _check_mode(host)
        check_scores(input_ids, scores, self.vocabulary.size, len(self._testers))
        tokens = to_array(input_ids)
        with self._lock:
            rows = self._find(host, tokens)
            length = tokens.shape[1] - rows.length
            rows.follow(tokens[:, rows.length :])
            limit = getattr(host.config, "max_length", None)
            if limit is not None and tokens.shape[1] >= limit:
                return scores  # a step that `generate` takes ahead of its stopping criteria, and will undo
            self._draw(rows, length, scores)
            forced = rows.forced(length)
        if host.forgets_scores(RejectionProcessor):
            result = scores.fill_(-torch.inf)
        else:
            result = torch.full_like(scores, -torch.inf)
        result.scatter_(1, torch.from_numpy(forced)[:, None].to(scores.device), 0.0)
        return result

    def _draw(self, rows: WeightedRows, length: int, scores: torch.Tensor) -> None:
        """Draw the next token of the rows that wait for it after `length` tokens."""
        waiting = rows.waiting(length)
        if not len(waiting):
            return
        logits = scores if self.temperature == 1 else scores / self.temperature
        for number, tester in enumerate(self._testers):
            own = waiting if len(self._testers) == 1 else waiting[rows.constraints[waiting] == number]
            if not len(own):
                continue
            rows.add(own, self._sampler(logits, tester, rows.states(own, length), self._generator, rows=own))
        lost = rows.lost()
        if self._raises and len(lost):
            raise DeadEnd(
                f"all rows of prompt {lost[0]} are dead: no token that the constraint allows was found for them. Draw "
                'more rows (num_return_sequences), use posterior(), or go on without it with all_dead="keep"'
            )

    def _find(self, host: Host, tokens: NDArray[np.int64]) -> WeightedRows:
        """The rows to which a call belongs. One call of `generate` is told from another as in `constrain`; in a loop of
        the caller's own, rows go on that begin with the same prompts and are longer by one token at most."""
        self._live = [(ref, rows) for ref, rows in self._live if ref is None or ref() is not None]
        for i, (ref, rows) in enumerate(self._live):
            if ref is None if host.processors is None else ref is not None and ref() is host.processors:
                again = ref is None and rows.longest > 0 and tokens.shape[1] == rows.length
                if rows.follows(tokens) and not again:
                    return rows
                del self._live[i]
                break
        rows = WeightedRows(tokens, self._testers, self._prompts(host, tokens), self._padding)
        self._live.append((None if host.processors is None else weakref.ref(host.processors), rows))
        self._latest = rows
        return rows

    def _prompts(self, host: Host, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """[rows] number of each row's prompt."""
        n, lists = len(tokens), len(self._testers)
        each = getattr(host.config, "num_return_sequences", None)
        if each is None and self._each_prompt:
            each = n // lists
        if each is None:  # a loop of the caller's own: equal rows in succession are of one prompt
            changes = (tokens[1:] != tokens[:-1]).any(1)
            return np.concatenate([[0], np.cumsum(changes)]).astype(np.int64)
        if self._each_prompt and n != each * lists:
            raise DecodingError(f"{lists} constraints were given, one per prompt, but there are {n // each} prompts")
        numbers: NDArray[np.int64] = np.arange(n) // each
        return numbers

    def _rows(self) -> WeightedRows:
        if self._latest is None:
            raise DecodingError("nothing has been generated with this processor yet")
        return self._latest


def _check_mode(host: Host) -> None:
    """Raise DecodingError for decoding methods of `generate` that a forced draw makes no sense in."""
    if "beam" in host.method:
        raise DecodingError(
            "beam search looks for the most probable text, and reject() forces random tokens upon it: use "
            "do_sample=True, num_beams=1 and num_return_sequences, or posterior()"
        )
    if "assisted" in host.method:
        raise DecodingError(
            "assisted decoding judges drafts by scores, and reject() replaces scores with random draws: leave out the "
            "assistant"
        )
    if host.method == "_sample" and not getattr(host.config, "do_sample", True):
        raise DecodingError(
            "reject() draws samples, and greedy search was asked for: use do_sample=True, or constrain()"
        )
