"""A picture of the particle tree: one self-contained page of HTML and SVG, without scripts.

Steps go from left to right, one line for each particle and step, as wide as its share of the weight; lineages of the
final particles are dark, those that were dropped by resampling pale. A dashed vertical line marks a step in which
resampling dropped or copied particles, a red cross a particle for which no allowed token was found, a dot an EOS. The
token is beside its line, and the whole text so far and the weight appear under the mouse.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import Vocabulary
from .resampling import log_sum

if TYPE_CHECKING:
    from .posterior import Posterior, Step

_STEP, _ROW, _LEFT, _TOP, _LABEL = 72, 20, 16, 28, 420  # pixels
_STYLE = """
body{font:13px system-ui,sans-serif;background:#fff;color:#222;margin:16px}svg text{font:11px ui-monospace,monospace}
.l{fill:none;stroke:#b9c4d0}.k{stroke:#2b6cb0}.c{stroke-dasharray:2 4}.r{stroke:#ddd;stroke-dasharray:4 4}
.x{stroke:#c53030;stroke-width:2}.e{fill:#2f855a}.t{fill:#555}g:hover .l{stroke:#dd6b20}
"""


def tree_html(posterior: Posterior) -> str:
    """The page for a posterior."""
    steps = posterior.ancestry
    rows = max((len(step.parents) for step in steps), default=1)
    middle = _TOP + _ROW * rows / 2
    parts: list[str] = []
    kept = _lineages(steps)
    before = 1 if not steps else int(max(steps[0].parents.max(initial=0), steps[0].dead.max(initial=0))) + 1
    heights, texts, order = np.full(before, middle), [b""] * before, np.zeros(before, np.int64)
    for t, step in enumerate(steps):
        x = _LEFT + _STEP * t
        rank = _ranks(step, order)
        after = np.asarray(middle + _ROW * (rank - (len(rank) - 1) / 2), np.float64)
        if step.resampled:
            parts.append(f"<line class='r' x1='{x + _STEP}' y1='{_TOP}' x2='{x + _STEP}' y2='{_TOP + _ROW * rows}'/>")
        parts += [_cross(x, heights[i]) for i in step.dead.tolist()]
        texts = [
            texts[p] + (posterior.vocabulary.token_bytes(q) if q >= 0 else b"")
            for p, q in zip(step.parents.tolist(), step.tokens.tolist(), strict=True)
        ]
        parts += _lines(step, posterior.vocabulary, x, heights, after, kept[t], texts)
        heights, order = after, rank
    if steps:
        parts += _ends(posterior, heights, _LEFT + _STEP * len(steps) + 10)
    width, height = _LEFT + _STEP * len(steps) + _LABEL, _TOP + _ROW * rows + 10
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Particles</title>"
        f"<style>{_STYLE}</style></head><body><p>{html.escape(repr(posterior))}</p>"
        f"<svg width='{width}' height='{height}' role='img'>{''.join(parts)}</svg>"
        "<p>Lines are particles, as wide as their share of the weight; pale ones were dropped by resampling (dashed "
        "vertical lines), a red cross marks one that died, a dot an EOS. Hover for texts and weights.</p></body></html>"
    )


def _lineages(steps: tuple[Step, ...]) -> list[NDArray[np.bool_]]:
    """For each step which particles have a descendant at the end."""
    kept: list[NDArray[np.bool_]] = []
    for t in range(len(steps) - 1, -1, -1):
        mask = np.zeros(len(steps[t].parents), np.bool_)
        if t == len(steps) - 1:
            mask[:] = True
        else:
            mask[steps[t + 1].parents[kept[-1]]] = True
        kept.append(mask)
    return kept[::-1]


def _ranks(step: Step, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places from top to bottom such that lines do not cross: by the parent's place, the heavier child first."""
    rank = np.empty(len(step.parents), np.int64)
    rank[np.lexsort((-step.log_weights, order[step.parents]))] = np.arange(len(rank))
    return rank


def _lines(
    step: Step,
    vocabulary: Vocabulary,
    x: int,
    heights: NDArray[np.float64],
    after: NDArray[np.float64],
    kept: NDArray[np.bool_],
    texts: list[bytes],
) -> list[str]:
    """The lines of one step, with what they show under the mouse."""
    total = log_sum(step.log_weights)
    parts = []
    for i, (parent, token) in enumerate(zip(step.parents.tolist(), step.tokens.tolist(), strict=True)):
        share = float(np.exp(step.log_weights[i] - total))
        y0, y1, half = heights[parent], after[i], _STEP / 2
        ended = token in vocabulary.eos_token_ids
        label = "" if token < 0 or ended else _shown(vocabulary.token_bytes(token))
        kind = "l" + (" k" if kept[i] else "") + (" c" if token < 0 else "")
        hover = f"{_shown(texts[i], 400)}{' (ended)' if ended or token < 0 else ''}\nweight {share:.4g}"
        mark = f"<circle class='e' cx='{x + _STEP}' cy='{y1:.1f}' r='4'/>" if ended else ""
        parts.append(
            f"<g><title>{html.escape(hover)}, log weight {step.log_weights[i]:.3f}</title>"
            f"<path class='{kind}' stroke-width='{0.7 + 7 * share:.2f}' "
            f"d='M{x} {y0:.1f}C{x + half} {y0:.1f} {x + half} {y1:.1f} {x + _STEP} {y1:.1f}'/>{mark}"
            f"<text class='t' x='{x + half + 4}' y='{y1 - 4:.1f}'>{html.escape(label)}</text></g>"
        )
    return parts


def _ends(posterior: Posterior, heights: NDArray[np.float64], x: int) -> list[str]:
    """Weights and texts of the final particles."""
    parts = []
    for particle in posterior.particles:
        state = f"{particle.weight:.3f}" if particle.finished else "open "
        label = html.escape(f"{state} {_shown(particle.bytes, 48)}")
        parts.append(f"<text x='{x}' y='{heights[particle.ancestry[-1]] + 4:.1f}'>{label}</text>")
    return parts


def _cross(x: int, y: float) -> str:
    title = "<title>died: no allowed token was found</title>"
    return f"<g>{title}<path class='x' d='M{x - 5} {y - 5:.1f}l10 10m0 -10l-10 10'/></g>"


def _shown(data: bytes, most: int = 8) -> str:
    """Bytes as one line of text, shortened in the middle; white space and bytes that are no UTF-8 are visible."""
    text = data.decode(errors="backslashreplace").replace("\n", "↵").replace("\t", "⇥").replace(" ", "␣")
    text = "".join(c if c.isprintable() else "�" for c in text)
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most // 2) + 1 :]}"
