"""What a request asks of `Constrain`: JSON in `extra_args["bytebound"]` (over HTTP: `vllm_xargs`), read and checked.

    {"constraint": SPECIFICATION, "sampler": "head-tail", "id": "row-7", "seed": 5}

`constraint` is a specification (see `specification`); `sampler` a step sampler by name; `id` a name under which the
weights of this request are kept for `weights()`; `seed` that of its draws, instead of the request's own (which crashes
vLLM 0.32 on CPUs where prompts are read in parts). `after` are the ids of tokens at the prompt's end that belong to the
answer already, and `last` is the number of tokens after which it must end: EOS is drawn then with its own probability
where the text is complete, and nothing else. The temperature is that of the request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...decoding import step_sampler
from ...grammars import ByteboundError, GrammarError
from ...grammars.predicate import Judge
from ...grammars.scoped import Scoped
from .specification import constraint_of, parsed

KEY = "bytebound"
_FIELDS = ("constraint", "sampler", "id", "seed", "after", "last")
# A draw is forced upon vLLM, so what would cut or bend the law afterwards would be ignored. Name: neutral values.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "top_p": (1.0,),
    "top_k": (0, -1),
    "min_p": (0.0,),
    "presence_penalty": (0.0,),
    "frequency_penalty": (0.0,),
    "repetition_penalty": (1.0,),
    "ignore_eos": (False,),
    "min_tokens": (0,),
    "logit_bias": (None,),
    "allowed_token_ids": (None,),
    "bad_words": (None, []),
}


@dataclass(frozen=True)
class Request:
    """One request for weighted sampling."""

    constraint: Any
    """A Grammar, Predicate, Conjunction or Tester."""
    sampler: str
    """Name of a step sampler."""
    name: str | None
    """Under which its weights are kept."""
    seed: int | None
    """Of its draws; None: that of the SamplingParams, or one by its number."""
    after: tuple[int, ...] = ()
    """Tokens of the answer that the prompt has already."""
    last: int | None = None
    """Number of tokens of the answer after which it must end."""

    @classmethod
    def of(cls, parameters: Any) -> Request | None:
        """What SamplingParams ask for; None where it is nothing. Raises ValueError for what is wrong with it."""
        given = (parameters.extra_args or {}).get(KEY)
        if given is None:
            return None
        try:
            return cls._read(given)
        except ByteboundError as error:
            raise ValueError(f"{KEY}: {error}") from None

    @classmethod
    def _read(cls, given: Any) -> Request:
        fields = parsed(given) if isinstance(given, str) else given
        if not isinstance(fields, dict) or "constraint" not in fields:
            raise GrammarError('an object with a "constraint" is needed, as JSON: {"constraint": {"regex": "..."}}')
        if "posterior" in fields:
            raise GrammarError("posterior is answered over HTTP; in process there is posterior(llm, ...)")
        for name in fields:
            if name not in _FIELDS:
                raise GrammarError(f"unknown field {name!r}: there are {', '.join(_FIELDS)}")
        sampler, name = fields.get("sampler", "head-tail"), fields.get("id")
        if name is not None and not isinstance(name, str):
            raise GrammarError("id is text")
        seed = fields.get("seed")
        after, last = fields.get("after", []), fields.get("last")
        for label, value in (("seed", seed), ("last", last)):
            if value is not None and not _is_count(value):
                raise GrammarError(f"{label} is an integer that is not negative")
        if not isinstance(after, list) or not all(map(_is_count, after)):
            raise GrammarError("after is a list of token ids")
        if not isinstance(sampler, str):
            raise GrammarError("sampler is the name of a step sampler")
        try:
            step_sampler(sampler)
        except ValueError as error:
            raise GrammarError(str(error)) from None
        constraint = constraint_of(fields["constraint"])
        if sampler == "masked" and isinstance(constraint, Judge) and not isinstance(constraint, Scoped):
            constraint.refuse_mask()
        return cls(constraint, sampler, name, seed, tuple(after), last)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check(parameters: Any) -> None:
    """Raise ValueError where the request's settings do not go with weighted sampling, or it cannot be read."""
    request = Request.of(parameters)
    if request is None:
        return
    if parameters.structured_outputs is not None:
        raise ValueError(f"{KEY}: a request has either structured_outputs, which mask, or a weighted sampler, not both")
    if not 0 < parameters.temperature < math.inf:
        raise ValueError(f"{KEY}: weighted samples are drawn at a temperature above 0, not {parameters.temperature}")
    for name, neutral in _NEUTRAL.items():
        value = getattr(parameters, name)
        if value not in neutral:
            raise ValueError(
                f"{KEY}: {name}={value} would change the law that weights stand for; set {name}={neutral[0]}"
            )
    if (parameters.n or 1) > 1 and (request.name is not None or request.seed is not None):
        raise ValueError(f"{KEY}: n={parameters.n} samples cannot share an id or a seed: send a request for each")
