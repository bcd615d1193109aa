"""transformers: grammars in `generate`, validated JSON out, partial objects while they stream."""

from .processor import GrammarProcessor, constrain

__all__ = ["GrammarProcessor", "constrain"]
