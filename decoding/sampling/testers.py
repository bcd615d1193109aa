"""From a constraint to its tester."""

from __future__ import annotations

import functools

from ...grammars import Conjunction, Grammar, GrammarError, Predicate
from ...grammars.scoped import Scoped
from ..errors import WrongVocabulary
from ..masker import Masker
from ..product_masker import ProductMasker
from ..vocabulary import Vocabulary
from .automaton_tester import AutomatonTester
from .masker_tester import MaskerTester
from .predicate_tester import PredicateTester
from .product_tester import ProductTester
from .tester import Tester

# Masks are remembered in the masker, so the same grammar over the same vocabulary keeps its masker for a while.
shared_masker = functools.lru_cache(maxsize=32)(Masker)


def tester(constraint: Grammar | Scoped | Masker | Predicate | Conjunction | Tester, vocabulary: Vocabulary) -> Tester:
    """Tests of tokens by any constraint, as samplers need them.

    Args:
        constraint: a grammar (its masks are shared with other testers of it), a masker, a predicate, a conjunction of
            grammars and predicates, or a tester, which is given back. A tester of a predicate is made anew, with
            nothing remembered.
        vocabulary: tokens and their bytes.

    Raises GrammarError for anything else, WrongVocabulary for a masker or tester of another vocabulary.
    """
    if isinstance(constraint, Grammar):
        return AutomatonTester(shared_masker(constraint, vocabulary))
    if isinstance(constraint, Scoped):
        return MaskerTester(shared_masker(constraint, vocabulary))
    if isinstance(constraint, Predicate):
        return PredicateTester(constraint, vocabulary)
    if isinstance(constraint, Conjunction):
        return ProductTester([tester(part, vocabulary) for part in constraint.parts])
    if not isinstance(constraint, Masker | Tester):
        raise GrammarError(
            f"a grammar, a predicate, a conjunction of these, a Masker or a Tester is needed, not {constraint!r}"
        )
    if constraint.vocabulary.fingerprint != vocabulary.fingerprint:
        raise WrongVocabulary(f"this {type(constraint).__name__} was made for another vocabulary")
    if isinstance(constraint, Tester):
        return constraint
    return MaskerTester(constraint) if isinstance(constraint, ProductMasker) else AutomatonTester(constraint)
