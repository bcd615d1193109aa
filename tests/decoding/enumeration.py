"""All outcomes of a step sampler on a small vocabulary, by enumeration of its random choices.

A sampler sees chance only through `Uniforms`. Here each uniform number is a branch: the places in [0, 1) where what
follows changes are found by bisection to the last bit, so that expectations are sums over all outcomes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from bytebound.decoding import StepSampler, Tester, Vocabulary
from bytebound.decoding.errors import DeadEnd
from bytebound.decoding.sampling.uniforms import Uniforms

Path = tuple[float, ...]
LAST = 1 - 2.0**-53
"""The largest number that a generator yields."""


class TableTester(Tester):
    """All states allow the same tokens; the tests of each are written down."""

    start = 0

    def __init__(self, allowed: np.ndarray, price: float, impossible: np.ndarray | None = None) -> None:
        self.allowed, self.cost, self.never = allowed, price, impossible
        self.vocabulary = Vocabulary.from_bytes([bytes([97 + i]) for i in range(len(allowed))])
        self.tests: dict[int, list[int]] = defaultdict(list)

    def test(self, states: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        for state, token in zip(states.tolist(), tokens.tolist(), strict=True):
            assert token not in self.tests[state], "a token was tested twice"
            self.tests[state].append(token)
        return self.allowed[tokens]

    def accept(self, state: int, token: int) -> int:
        return state if self.allowed[token] else -1

    def is_accepting(self, state: int) -> bool:
        return False

    def price(self, state: int) -> float:
        return self.cost

    def impossible(self) -> np.ndarray | None:
        return self.never if self.never is None else packed(self.never)

    def fill(self, state: int, row: np.ndarray) -> None:
        if not self.allowed.any():
            raise DeadEnd("nothing is allowed")
        row[:] = packed(self.allowed)


def packed(tokens: np.ndarray) -> np.ndarray:
    """Bools as the bits of a mask."""
    bits = np.zeros(32 * ((len(tokens) + 31) // 32), np.bool_)
    bits[: len(tokens)] = tokens
    return np.packbits(bits, bitorder="little").view(np.uint32)


class Script(Uniforms):
    """Numbers that are given for each row; where they are used up, the request is written down and answered by 1/2."""

    def __init__(self, paths: list[Path], tester: TableTester) -> None:
        self.paths, self.tester = paths, tester
        self.used = [0] * len(paths)
        self.requests: list[tuple[Any, ...] | None] = [None] * len(paths)

    def _next(self, row: int, kind: tuple[Any, ...], default: float) -> float:
        self.used[row] += 1
        if self.used[row] <= len(self.paths[row]):
            return self.paths[row][self.used[row] - 1]
        if self.requests[row] is None:
            self.requests[row] = (*kind, tuple(self.tester.tests[row]))
        return default

    def uniform(self, rows: np.ndarray) -> np.ndarray:
        return np.array([self._next(row, ("uniform",), 0.5) for row in rows.tolist()])

    def failures(self, rows: np.ndarray, success: np.ndarray) -> np.ndarray:
        asked = zip(rows.tolist(), success.tolist(), strict=True)
        return np.array([self._next(row, ("failures", chance), 0.0) for row, chance in asked])


class Enumeration:
    """All outcomes of a sampler on one distribution."""

    def __init__(
        self,
        sampler: StepSampler,
        logits: torch.Tensor,
        allowed: np.ndarray,
        price: float,
        impossible: np.ndarray | None = None,
        copies: int | None = None,
    ) -> None:
        self.sampler, self.logits, self.allowed, self.price = sampler, logits, allowed, price
        self.impossible, self.copies = impossible, copies
        self.leaves: list[tuple[float, tuple[Any, ...]]] = []
        nodes: list[tuple[Path, float]] = [((), 1.0)]
        while nodes:
            following = []
            pending: list[tuple[Path, float]] = []
            for (path, chance), (request, outcome) in zip(nodes, self.run([p for p, _ in nodes]), strict=True):
                if request is None:
                    self.leaves.append((chance, outcome))
                elif request[0] == "failures":
                    success, count, left = request[1], 0, 1.0
                    while chance * left > 1e-16:
                        following.append(((*path, float(count)), chance * left * success))
                        count, left = count + 1, left * (1 - success)
                else:
                    pending.append((path, chance))
            nodes = following + self.split(pending)

    def run(self, paths: list[Path]) -> list[tuple[Any, Any]]:
        """For each path what is asked for after it, or None, and how the row ends if all that follows is 1/2."""
        tester = TableTester(self.allowed, self.price, self.impossible)
        script = Script(paths, tester)
        states, rows = np.arange(len(paths)), np.zeros(len(paths), np.int64)
        options = {} if self.copies is None else {"copies": np.full(len(paths), self.copies)}
        draws = self.sampler(self.logits, tester, states, script, children=True, rows=rows, **options)  # type: ignore[arg-type]
        results = []
        for row, request in enumerate(script.requests):
            children = () if draws.children is None else tuple(map(tuple, draws.children[row]))
            end = (int(draws.tokens[row]), float(draws.log_weights[row]), children, int(draws.evaluations[row]))
            results.append((request, (*end, tuple(tester.tests[row]))))
        return results

    def split(self, nodes: list[tuple[Path, float]]) -> list[tuple[Path, float]]:
        """The nodes after one more number: one for each interval of it in which the same follows."""
        labels: dict[tuple[int, float], Any] = {}

        def look(points: list[tuple[int, float]]) -> None:
            results = self.run([(*nodes[i][0], u) for i, u in points])
            labels.update(zip(points, results, strict=True))

        gaps = [(i, 0.0, LAST) for i in range(len(nodes))]
        if nodes:
            look([(i, u) for i, *ends in gaps for u in ends])
        edges: list[tuple[int, float, float]] = []
        while gaps:
            gaps = [(i, lo, hi) for i, lo, hi in gaps if labels[i, lo] != labels[i, hi]]
            edges += [gap for gap in gaps if gap[2] - gap[1] < 1e-15]
            gaps = [gap for gap in gaps if gap[2] - gap[1] >= 1e-15]
            if gaps:
                look([(i, (lo + hi) / 2) for i, lo, hi in gaps])
            gaps = [g for i, lo, hi in gaps for g in ((i, lo, (lo + hi) / 2), (i, (lo + hi) / 2, hi))]
        following = []
        for i, (path, chance) in enumerate(nodes):
            start, value = 0.0, 0.0
            for _, _, hi in sorted(edge for edge in edges if edge[0] == i):
                following.append(((*path, value), chance * (hi - start)))
                start = value = hi
            following.append(((*path, value), chance * (1.0 - start)))
        return following

    def check(self, p: np.ndarray, *, children: bool) -> None:
        """Expected weights are probabilities, to 1e-12; weights of children too."""
        truth = np.where(self.allowed, p[: len(self.allowed)], 0.0)
        sums, shares = np.zeros_like(truth), np.zeros_like(truth)
        for chance, (token, log_weight, family, evaluations, tests) in self.leaves:
            masked = evaluations - len(tests)
            assert masked in (0, self.price if np.isfinite(self.price) else 1)
            if token < 0:
                assert log_weight == -np.inf
            else:
                assert self.allowed[token]
                sums[token] += chance * np.exp(log_weight)
            if family:
                tokens, logs = (list(column) for column in family)
                assert len(set(tokens)) == len(tokens)
                total = np.exp(logs).sum()
                np.testing.assert_allclose(total, np.exp(log_weight), rtol=1e-12)
                shares[tokens] += chance * np.exp(logs)
        assert abs(sum(chance for chance, _ in self.leaves) - 1) < 1e-12
        scale = 1 / truth.max() if 0 < truth.max() < 1e-200 else 1.0
        np.testing.assert_allclose(sums * scale, truth * scale, atol=1e-12, rtol=0)
        if children:
            np.testing.assert_allclose(shares * scale, truth * scale, atol=1e-12, rtol=0)

    def mean(self, what: int) -> float:
        return sum(chance * outcome[what] for chance, outcome in self.leaves)
