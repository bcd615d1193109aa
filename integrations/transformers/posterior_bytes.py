"""`posterior_bytes`: weighted samples of the text after a prompt that may end anywhere, given that a grammar holds.

`generate_bytes` with a grammar draws one cover of the prompt's end and then masks, which bends the distribution. Here
the bytes of the prompt's end, back to a place where the tokenizer always splits, are part of what the particles have to
spell: all token strings that spell them and then a text of the grammar are in the target, in proportion to their
probability under the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...decoding import ByteModel, DecodingError, Posterior
from ...grammars import Grammar
from ...grammars.network import Network
from ...grammars.scoped import Scoped
from ..groups import sample_groups
from .constraint import to_grammar, to_tester
from .language_model import TransformersModel
from .prompts import room

_SHARE = 1e-6  # of the probability of the prompt's end that may be left uncounted


@dataclass(frozen=True)
class BytesPosterior:
    """Texts after one prompt."""

    posterior: Posterior
    """Of the prompt's end and the text after it."""
    tail: bytes
    """The prompt's end: with it the bytes of the particles begin."""
    log_prompt: float
    """Log-probability of the prompt's end after what is before it, counted to one part in a million."""

    @property
    def log_evidence(self) -> float:
        """Log of the estimated probability that what follows the prompt satisfies the grammar; -inf where all died."""
        return self.posterior.log_evidence - self.log_prompt

    def probabilities(self) -> dict[bytes, float]:
        """Share of the weight on each text after the prompt, largest first."""
        masses: dict[bytes, float] = {}
        for particle in self.posterior.particles:
            if particle.weight:
                text = particle.bytes[len(self.tail) :]
                masses[text] = masses.get(text, 0.0) + particle.weight
        return dict(sorted(masses.items(), key=lambda item: -item[1]))


def posterior_bytes(
    model: Any,
    tokenizer: Any,
    prompt: Any,
    grammar: Any,
    *,
    particles: int = 32,
    seed: int | None = 0,
    max_new_tokens: int = 256,
    **settings: Any,
) -> BytesPosterior:
    """Weighted samples of the bytes after a prompt, given that they satisfy a grammar, and how probable that is.

        result = posterior_bytes(model, tokenizer, "The weather in Lis", grammars.regex("bon is (wet|mild)."))
        result.probabilities(), result.log_evidence

    Args:
        prompt: text, bytes, or a list of control token ids (int) and text or bytes. Tokens of its beginning, up to a
            place where the tokenizer always splits, are its canonical ones; the end may be spelled by any.
        grammar: a Grammar, a pydantic class or a JSON schema, for the bytes after the prompt.
        particles, seed: as in `posterior`.
        max_new_tokens: of the end of the prompt (one a byte, at most) and the text together, these not counted.
        settings: as in `posterior`: sampler, resampling, temperature and others.

    Raises what `ByteModel.start` and `posterior` raise.
    """
    host = TransformersModel(model, max_rows=max(512, particles))
    canonical = ByteModel(host, tokenizer, semantics="canonical")
    before, text, dummy = canonical.read(prompt)
    state = canonical.start_after(before, text, dummy)
    data = canonical.encoder.begin(text) if dummy and canonical.encoder else text
    tail = data[len(canonical.vocabulary.text(state.context[len(before) :])) :]
    whole = to_grammar(grammar)
    if not isinstance(whole, Grammar | Scoped):
        raise DecodingError(f"posterior_bytes takes a Grammar, not {type(whole).__name__}")
    budget = max_new_tokens + len(tail)
    (found,) = sample_groups(
        host,
        [state.context],
        _literal(tail) + whole if tail else whole,
        lambda entry: to_tester(entry, canonical.vocabulary),
        lambda length: min(budget, room(model, length)),
        {"particles": particles, "seed": seed, **settings},
    )
    every = ByteModel(host, tokenizer, eps=_SHARE, temperature=float(settings.get("temperature", 1.0)))
    return BytesPosterior(found, tail, every.start_after(state.context, tail).log_evidence()[0])


def _literal(data: bytes) -> Grammar:
    """The grammar of one byte string."""

    def emit(network: Network, a: int, b: int) -> None:
        network.literal(a, data, b)

    return Grammar(emit, f"the bytes {data!r}")
