"""Exact probabilities of a finite set of answers.

The probability that a model gives to a string is a sum over all token strings that spell it (Phan et al. 2024), not
the product along the tokenizer's own spelling. `choice_probabilities` sums over all of them, or over the heaviest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .choice_search import Search, wave
from .errors import DecodingError, VocabularyError, WrongVocabulary
from .language_model import LanguageModel
from .smc.resampling import log_sum
from .spellings import AllSpellings, OneSpelling, Spellings
from .vocabulary import Vocabulary

Option = str | bytes


class ChoiceProbabilities(Mapping[Option, float]):
    """The probability of each option given that one of them comes, in the order in which they were given."""

    log_masses: dict[Option, float]
    """For each option the logarithm of its own probability, before normalisation."""
    log_mass: float
    """Logarithm of the probability that any of the options comes."""
    unexplored: float
    """A bound on what was left out, as a multiple of exp(log_mass); 0.0 where all is exact up to rounding. The true
    mass is between exp(log_mass) and (1 + unexplored) exp(log_mass), the true probability of an option between
    p / (1 + unexplored) and (p + unexplored) / (1 + unexplored)."""
    contexts: int
    """Contexts that the model evaluated."""

    def __init__(self, log_masses: dict[Option, float], unexplored: float, contexts: int) -> None:
        self.log_masses = log_masses
        self.log_mass = log_sum(np.array(list(log_masses.values())))
        self.unexplored = unexplored
        self.contexts = contexts

    def __getitem__(self, option: Option) -> float:
        return math.exp(self.log_masses[option] - self.log_mass)

    def __iter__(self) -> Iterator[Option]:
        return iter(self.log_masses)

    def __len__(self) -> int:
        return len(self.log_masses)

    def most_probable(self) -> Option:
        """The option of highest probability, the first of several."""
        return max(self.log_masses, key=self.log_masses.__getitem__)

    def __repr__(self) -> str:
        shown = ", ".join(f"{option!r}: {p:.4g}" for option, p in self.items())
        return f"<ChoiceProbabilities {{{shown}}}, log_mass={self.log_mass:.4f}, unexplored={self.unexplored:.2g}>"


def choice_probabilities(
    model: LanguageModel,
    vocabulary: Vocabulary,
    prompt_ids: Sequence[int],
    options: Sequence[Option],
    *,
    end: str = "eos",
    spelling: str = "all",
    encode: Callable[[Option], Sequence[int]] | None = None,
    tolerance: float = 0.0,
    max_contexts: int = 4096,
    max_rows: int = 64,
) -> ChoiceProbabilities:
    """The probabilities of a finite set of answers after a prompt.

    Args:
        model: a language model.
        vocabulary: the bytes of its tokens.
        prompt_ids: token ids of the prompt.
        options: distinct texts.
        end: "eos": the answer is the option and then an EOS token. "text": the answer begins with the option, and its
            last token may run over the option's end; no option may then be a prefix of another one, because who says
            the longer says the shorter as well, and the two cannot share a probability of one.
        spelling: "all": every way to spell an option counts. "canonical": only the one that `encode` gives: cheap and
            usual, but too low by the mass of all others. A token that runs over the option's end then does not count.
        encode: option -> token ids without special tokens, for the canonical spelling.
        tolerance: 0.0 evaluates all spellings, whose number grows exponentially with the length of the longest option.
            A positive one ends the search as soon as `unexplored` is no greater (for whole words take 1e-3 or so);
            an option that is lighter than this may come out as 0. Canonical spellings are all evaluated anyway.
        max_contexts: contexts to evaluate at most.
        max_rows: contexts in one call of the model at most.

    Raises DecodingError for options that cannot be a choice, where `max_contexts` are reached before the tolerance,
    and where no option has any probability; VocabularyError where `end` is "eos" and there is no EOS.
    """
    return choice_probabilities_batch(
        model,
        vocabulary,
        [prompt_ids],
        [options],
        end=end,
        spelling=spelling,
        encode=encode,
        tolerance=tolerance,
        max_contexts=max_contexts,
        max_rows=max_rows,
    )[0]


def choice_probabilities_batch(
    model: LanguageModel,
    vocabulary: Vocabulary,
    prompts: Sequence[Sequence[int]],
    options: Sequence[Sequence[Option]],
    *,
    end: str = "eos",
    spelling: str = "all",
    encode: Callable[[Option], Sequence[int]] | None = None,
    tolerance: float = 0.0,
    max_contexts: int = 4096,
    max_rows: int = 64,
) -> list[ChoiceProbabilities]:
    """`choice_probabilities` for several prompts at once, each with its options; `max_contexts` is for each prompt."""
    if vocabulary.size > model.vocabulary_size:
        raise WrongVocabulary(
            f"the vocabulary has {vocabulary.size} ids, but the model's logits {model.vocabulary_size} columns"
        )
    if not tolerance >= 0 or max_contexts < 1 or max_rows < 1:
        raise DecodingError("tolerance must be at least 0, max_contexts and max_rows at least 1")
    if len(options) != len(prompts):
        raise DecodingError(f"{len(options)} lists of options were given for {len(prompts)} prompts")
    if spelling == "canonical":
        tolerance = 0.0
    graphs: dict[tuple[Option, ...], Spellings] = {}
    searches = []
    for prompt, given in zip(prompts, options, strict=True):
        if isinstance(given, str | bytes):
            raise DecodingError(f"options are a list of texts (str or bytes), not one text: {given!r}")
        choice = tuple(given)
        if choice not in graphs:
            graphs[choice] = _spellings(vocabulary, choice, end, spelling, encode)
        searches.append(Search(prompt, graphs[choice], len(choice), tolerance, max_contexts))
    for i in range(0, len(searches), max_rows):
        while pending := [search for search in searches[i : i + max_rows] if not search.is_done()]:
            wave(model, pending, max_rows)
    return [_result(choice, search) for choice, search in zip(options, searches, strict=True)]


def _result(options: Sequence[Option], search: Search) -> ChoiceProbabilities:
    left, total = search.log_unexplored(), log_sum(search.found)
    if total == -math.inf:
        raise DecodingError(
            f"none of the options {', '.join(map(repr, options))} has any probability, so none can be preferred"
        )
    return ChoiceProbabilities(
        dict(zip(options, search.found.tolist(), strict=True)), math.exp(left - total), search.contexts
    )


def _spellings(
    vocabulary: Vocabulary,
    options: tuple[Option, ...],
    end: str,
    spelling: str,
    encode: Callable[[Option], Sequence[int]] | None,
) -> Spellings:
    """The graph of the options' spellings. Raises DecodingError for options that cannot be a choice."""
    if end not in ("eos", "text"):
        raise DecodingError(f'end is "eos" or "text", not {end!r}')
    if end == "eos" and not vocabulary.eos_token_ids:
        raise VocabularyError('the vocabulary has no EOS token that could end an option: use end="text"')
    if not options or not all(isinstance(option, str | bytes) for option in options):
        raise DecodingError("options are texts (str or bytes), one at least")
    texts = [option.encode() if isinstance(option, str) else option for option in options]
    _check_distinct(options, texts, end)
    if spelling == "all":
        return AllSpellings(vocabulary, texts, end)
    if spelling != "canonical":
        raise DecodingError(f'spelling is "all" or "canonical", not {spelling!r}')
    if encode is None:
        raise DecodingError('spelling="canonical" needs encode=, a function from an option to its token ids')
    spelled = [tuple(map(int, encode(option))) for option in options]
    _check_distinct(options, spelled, end)
    for option, ids in zip(options, spelled, strict=True):
        if not all(0 <= token < vocabulary.size for token in ids):
            raise WrongVocabulary(f"the spelling {list(ids)} of {option!r} has ids outside the vocabulary")
    return OneSpelling(vocabulary, spelled, end)


def _check_distinct(options: Sequence[Option], forms: Sequence[Any], end: str) -> None:
    """Raise DecodingError where two options are the same, or one is a prefix of another and the text may go on."""
    places = sorted(range(len(forms)), key=forms.__getitem__)
    for a, b in itertools.pairwise(places):  # the longer ones come right behind a prefix of theirs
        if forms[a] == forms[b]:
            raise DecodingError(f"the options {options[a]!r} and {options[b]!r} are the same")
        if end == "text" and forms[b][: len(forms[a])] == forms[a]:
            raise DecodingError(
                f"the option {options[a]!r} is a prefix of {options[b]!r}: a text that begins with the one may begin "
                'with the other too, so they are no alternatives; use end="eos"'
            )
    if end == "text" and not all(len(form) for form in forms):
        raise DecodingError('every text begins with an empty option: use end="eos"')
