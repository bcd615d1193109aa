"""Exceptions of bytebound's decoding side, below `ByteboundError`.

ByteboundError
├── VocabularyError (ValueError)        a tokenizer that cannot be used, or used wrongly
│   └── UnsupportedTokenizer            its class is named
└── DecodingError (RuntimeError)        something went wrong while decoding
    ├── DeadEnd                         a state that allows no token
    ├── TokenRejected                   a token that the grammar does not allow here
    ├── CannotClose                     the structure cannot be completed within the token budget
    ├── NoCover                         bytes that no tokens spell
    ├── TooManyCovers                   more tokenizations of a prefix than the budget allows
    ├── WrongVocabulary                 logits or grammar belong to another vocabulary
    └── InvalidArgument (ValueError)    an argument out of its range
"""

from __future__ import annotations

from ..grammars.errors import ByteboundError


class VocabularyError(ByteboundError, ValueError):
    """A tokenizer has no usable bytes, or a token id is outside the vocabulary."""


class UnsupportedTokenizer(VocabularyError):
    """The tokenizer's model is of a kind whose bytes are not known exactly."""


class DecodingError(ByteboundError, RuntimeError):
    """Base class of errors raised while decoding."""


class DeadEnd(DecodingError):
    """No token at all is allowed in this state."""


class TokenRejected(DecodingError):
    """A token was forced that the grammar does not allow here."""


class CannotClose(DecodingError):
    """The text cannot be completed within the number of tokens given."""


class NoCover(DecodingError):
    """No token string of the vocabulary spells these bytes, or the model gives all of them probability zero."""


class TooManyCovers(DecodingError):
    """A byte prefix has more tokenizations than the budget allows to follow."""


class InvalidArgument(DecodingError, ValueError):
    """An argument is out of its range, or no such thing exists."""


class WrongVocabulary(DecodingError):
    """Logits, rows or token ids do not fit the vocabulary that the grammar was compiled for."""
