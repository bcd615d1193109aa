"""What a logits processor can learn about the call of `generate` that it serves.

transformers (read in 5.23) hands a processor tokens and scores and nothing else. A few more facts are needed and are
read off the Python call stack: the `LogitsProcessorList` that calls, which `generate` makes anew for each call and
drops at its end, and the decoding method that calls it in turn, with its configuration. In assisted decoding the
assistant's own `generate` runs inside that of the model; the list of the outer one counts.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from transformers import LogitsProcessorList

from ...decoding.errors import DecodingError

_DEPTH = 8  # frames looked at: a processor that wraps ours adds one or two


class Host(NamedTuple):
    """Who calls a processor.

    Attributes:
        processors: the list of processors of this call of `generate`, the outermost one where an assistant drafts;
            None when called some other way.
        drafts: whether rows may hold tokens that were never chosen: the drafts that assisted decoding is about to
            reject, and beams of probability zero.
        method: name of the decoding method that is at work, "_assisted_decoding" for an assistant too; "" when called
            some other way.
        config: the generation configuration of that method, None where it has none.
    """

    processors: Any
    drafts: bool
    method: str = ""
    config: Any = None

    def forgets_scores(self, own: type) -> bool:
        """Whether nobody will look again at the scores that a processor of class `own` is given, so that it may write
        into them: `generate` samples, does not return logits, and its other processors are those of transformers."""
        return (
            self.method == "_sample"
            and not getattr(self.config, "output_logits", False)
            and all(isinstance(p, own) or type(p).__module__.startswith("transformers.") for p in self.processors)
        )


def caller() -> Host:
    """The host of the processor whose `__call__` calls this function.

    Raises DecodingError under continuous batching, where processors are not given the tokens of a sequence.
    """
    frame = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame.f_back is None:
            break
        frame = frame.f_back
        if frame.f_code.co_name != "__call__":
            continue
        owner = frame.f_locals.get("self")
        if isinstance(owner, LogitsProcessorList):
            method, config = "", None
            if frame.f_back is not None:
                method, config = frame.f_back.f_code.co_name, frame.f_back.f_locals.get("generation_config")
            processors = _outermost(frame, owner)
            drafts = "beam" in method or "assisted" in method
            return Host(processors, drafts, method if processors is owner else "_assisted_decoding", config)
        if type(owner).__name__ == "ContinuousBatchingLogitsProcessorList":
            raise DecodingError(
                "continuous batching does not give logits processors the tokens of each sequence, so a grammar cannot "
                "be followed there: use generate(), or vLLM"
            )
    return Host(None, False)


def _outermost(frame: Any, processors: Any) -> Any:
    """The list of the outermost assisted decoding above `frame`; `processors` where there is none."""
    while frame is not None:
        if frame.f_code.co_name == "_assisted_decoding":
            processors = frame.f_locals.get("logits_processor", processors)
        frame = frame.f_back
    return processors
