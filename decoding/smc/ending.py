"""How particles end at the token budget.

Both ways make the target the posterior over texts of at most `max_new_tokens` tokens; EOS costs none.
  - `ForcedEnd`, a step sampler for the position after the last token: EOS with its own probability where the text is
    complete, and death where it is not.
  - `ClosingTester`, a constraint that leaves out tokens after which the text could not be completed in time, so that no
    particle is cut in the middle. It goes by an upper bound on the tokens needed (`closing.py`), so the target loses
    those token sequences which could be completed in time only by a completion other than the short one it looks at.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...grammars.errors import Unsupported
from ..closing import tokens_to_close
from ..masker import FINISHED, Masker
from ..product_masker import ProductMasker
from ..sampling.draws import Children, Draws
from ..sampling.masker_tester import PRICE
from ..sampling.tester import Tester


class ForcedEnd:
    """The step sampler that draws EOS in accepting states and nothing elsewhere; the weight is p(EOS)."""

    def __call__(
        self,
        logits: torch.Tensor,
        tester: Tester,
        states: NDArray[np.int64],
        generator: np.random.Generator,
        *,
        children: bool = False,
        rows: NDArray[np.int64] | None = None,
        copies: NDArray[np.int64] | None = None,
    ) -> Draws:
        """As `StepSampler`; one evaluation for each row."""
        eos = np.array(tester.vocabulary.eos_token_ids, np.int64)
        logits = logits.double()
        masses = (logits[:, eos.tolist()] - logits.logsumexp(1, keepdim=True)).cpu().numpy()
        masses = masses if rows is None else masses[rows]
        masses[[not tester.is_accepting(q) for q in states.tolist()]] = -np.inf
        totals = np.logaddexp.reduce(masses, axis=1)
        alive = totals > -np.inf
        chosen = (masses + generator.gumbel(size=masses.shape)).argmax(1)
        return Draws(
            np.where(alive, eos[chosen], -1),
            totals,
            np.ones(len(states), np.int64),
            [Children(eos[row > -np.inf], row[row > -np.inf]) for row in masses] if children else None,
        )


class ClosingTester(Tester):
    """A tester of a grammar, restricted to tokens after which the text can be completed within `remaining` tokens.

    Raises Unsupported where the tester has no masker, CannotClose where not even the start can be closed in time.
    """

    def __init__(self, tester: Tester, remaining: int) -> None:
        masker = getattr(tester, "masker", None)
        if not isinstance(masker, Masker):
            raise Unsupported(
                f"end='close' needs a grammar with a masker, and {type(tester).__name__} has none: use end='force'"
            )
        self.masker: Masker = masker
        self._plain = not isinstance(masker, ProductMasker)
        self._tester = tester
        self.vocabulary, self.start = tester.vocabulary, tester.start
        self._rows: dict[int, NDArray[np.uint32]] = {}
        self.remain(remaining)
        self._row(self.start)  # raises CannotClose

    def remain(self, remaining: int) -> None:
        """Set the number of tokens that may still be produced."""
        self._remaining = remaining
        self._rows.clear()

    def test(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Tester.test`: by the completion after the token. Where only the mask can tell (texts that must differ
        from recorded ones, scopes), it is made, although the test counts as one evaluation."""
        pairs = zip(states.tolist(), tokens.tolist(), strict=True)
        return np.fromiter((self._allows(q, t) for q, t in pairs), np.bool_, len(states))

    def _allows(self, state: int, token: int) -> bool:
        if state not in self._rows and self._plain and state >= 0 and self.masker.loose(state) == state:
            following = self._tester.accept(state, token)
            if following < 0:
                return following == FINISHED
            return tokens_to_close(self.masker, following, self._remaining - 1) is not None
        return bool(self._row(state)[token >> 5] >> np.uint32(token & 31) & 1)

    def accept(self, state: int, token: int) -> int:
        """See `Tester.accept`; the token budget is not looked at."""
        return self._tester.accept(state, token)

    def is_accepting(self, state: int) -> bool:
        """See `Tester.is_accepting`."""
        return self._tester.is_accepting(state)

    def impossible(self) -> NDArray[np.uint32] | None:
        """See `Tester.impossible`."""
        return self._tester.impossible()

    def price(self, state: int) -> float:
        """0 where the mask of this state is known for the tokens that remain; else that of a new mask, since the tokens
        that leave time to close are found anew."""
        return 0.0 if state in self._rows else PRICE

    def fill(self, state: int, row: NDArray[np.uint32]) -> None:
        """The mask of tokens that are allowed and leave time to close."""
        row[:] = self._row(state)

    def _row(self, state: int) -> NDArray[np.uint32]:
        row = self._rows.get(state)
        if row is None:
            row = np.empty(self.masker.words, np.uint32)
            self.masker.fill(state, row, self._remaining)
            self._rows[state] = row
        return row
