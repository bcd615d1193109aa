"""Step samplers by name."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import InvalidArgument
from .draws import StepSampler
from .head_tail import HeadTail
from .masked import Masked
from .rejection import Awrs, GeometricAwrs, RecursiveAwrs, Rejection

_NAMES: dict[str, Callable[[], StepSampler]] = {
    "head-tail": HeadTail,
    "masked": Masked,
    "awrs": Awrs,
    "awrs-recursive": RecursiveAwrs,
    "awrs-geometric": GeometricAwrs,
    "rejection": Rejection,
}


def step_sampler(sampler: str | StepSampler) -> StepSampler:
    """The step sampler of a name with its usual parameters, or `sampler` itself where it is one.

    Names: "head-tail" (the default everywhere), "masked", "awrs", "awrs-recursive", "awrs-geometric", "rejection" (not
    properly weighted). Raises InvalidArgument for any other name, TypeError for what is no sampler.
    """
    if isinstance(sampler, str):
        if sampler not in _NAMES:
            raise InvalidArgument(f"there is no step sampler {sampler!r}; there are {', '.join(map(repr, _NAMES))}")
        return _NAMES[sampler]()
    if isinstance(sampler, type) or not callable(sampler):
        raise TypeError(f"a step sampler is a name or an instance such as HeadTail(), not {sampler!r}")
    return sampler
