"""Applying token bitmasks to logits, in place.

A bitmask row is `(size + 31) // 32` words of 32 bits; token i is allowed where `row[i >> 5] >> (i & 31) & 1` is 1.
On a CPU one fused kernel goes over the logits a word at a time: a word of all ones is skipped, any other turns
into one vector select of 32 lanes, so the cost is that of filling the row with a constant, whatever the mask looks
like. On other devices the rows are expanded with torch operations; `MaskTable` keeps them there, so that a mask that
was seen before costs four bytes of transfer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from .errors import InvalidArgument, WrongVocabulary

Rows = NDArray[np.uint32] | torch.Tensor

# Integers of the same width stand in for the floats: numba knows no bfloat16 and no arithmetic is needed.
_INTEGERS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}
_MINUS_INFINITY: dict[torch.dtype, Any] = {
    dtype: torch.tensor(-torch.inf, dtype=dtype).view(integers).numpy()[()] for dtype, integers in _INTEGERS.items()
}
_LANES = 32


def apply_bitmask(logits: torch.Tensor, rows: Rows) -> None:
    """Set the logits of forbidden tokens to minus infinity, in place.

    Args:
        logits: float tensor [n, size] or [size], of float16, bfloat16, float32 or float64; each row contiguous.
        rows: uint32 array [n, words] or [words], or an int32 tensor of that shape on the logits' device, with
            `words = (size + 31) // 32`. Bits beyond `size` are ignored.

    Raises WrongVocabulary when shapes or dtypes do not fit. Logits that require gradients are changed too; no
    gradient is recorded.
    """
    if logits.dtype not in _INTEGERS:
        raise WrongVocabulary(f"logits must be float16, bfloat16, float32 or float64, not {logits.dtype}")
    if logits.dim() not in (1, 2):
        raise WrongVocabulary(f"logits must have shape [n, size] or [size], not {list(logits.shape)}")
    logits = logits.detach()
    matrix = logits if logits.dim() == 2 else logits.unsqueeze(0)
    shape = tuple(rows.shape)
    n, size = matrix.shape
    words = (size + _LANES - 1) // _LANES
    if shape != (n, words) and not (n == 1 and shape == (words,)):
        raise WrongVocabulary(
            f"logits of shape {list(logits.shape)} need bitmask rows of shape {[n, words]}, but these have "
            f"shape {list(shape)}: the mask was made for another vocabulary or another batch"
        )
    if size > 1 and matrix.stride(1) != 1:
        raise WrongVocabulary(f"each row of the logits must be contiguous, but its stride is {matrix.stride(1)}, not 1")
    if isinstance(rows, torch.Tensor):
        if rows.dtype != torch.int32 or rows.device != logits.device:
            raise WrongVocabulary(
                f"bitmask rows given as a tensor must be int32 on {logits.device}, not {rows.dtype} on {rows.device}"
            )
    elif rows.dtype != np.uint32:
        raise WrongVocabulary(f"bitmask rows given as an array must be uint32, not {rows.dtype}")
    if n == 0 or size == 0:
        return
    if logits.device.type == "cpu":
        bits = rows.numpy().view(np.uint32) if isinstance(rows, torch.Tensor) else rows
        stride = matrix.stride(0) if n > 1 else size
        flat = matrix.as_strided(((n - 1) * stride + size,), (1,)).view(_INTEGERS[logits.dtype]).numpy()
        _apply(flat, np.ascontiguousarray(bits).reshape(n, words), size, stride, _MINUS_INFINITY[logits.dtype])
    else:
        if not isinstance(rows, torch.Tensor):
            rows = torch.from_numpy(np.ascontiguousarray(rows).view(np.int32)).to(logits.device)
        matrix.masked_fill_(~expand(rows.reshape(n, words), size), -torch.inf)


def expand(rows: torch.Tensor, size: int) -> torch.Tensor:
    """Boolean tensor [n, size] of int32 bitmask rows [n, words], on their device: True where a token is allowed."""
    lanes = torch.arange(_LANES, dtype=torch.int32, device=rows.device)
    return ((rows.unsqueeze(-1) >> lanes) & 1).bool().flatten(1)[:, :size]


class MaskTable:
    """Bitmask rows kept on a device: a row is uploaded the first time it is seen, afterwards only its number is.

    Args:
        size: width of the logits.
        device: where the logits live.
        limit: rows kept (4 bytes per 32 tokens each); when it is reached the table starts anew.
    """

    def __init__(self, size: int, device: torch.device | str, *, limit: int = 4096) -> None:
        if limit < 1:
            raise InvalidArgument(f"a mask table keeps at least one row, not {limit}")
        self.words = (size + _LANES - 1) // _LANES
        self.limit = limit
        self._table = torch.empty((min(limit, 64), self.words), dtype=torch.int32, device=device)
        self._numbers: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def rows(self, rows: NDArray[np.uint32]) -> torch.Tensor:
        """The int32 tensor [n, words] on the device that equals `rows`, a uint32 array [n, words]."""
        if rows.ndim != 2 or rows.shape[1] != self.words or rows.dtype != np.uint32:
            raise WrongVocabulary(
                f"this table holds uint32 rows of {self.words} words, not {rows.dtype} of shape {list(rows.shape)}"
            )
        keys = [row.tobytes() for row in rows]
        missing = list(dict.fromkeys(key for key in keys if key not in self._numbers))
        if len(self._numbers) + len(missing) > self.limit:
            self._numbers.clear()
            missing = list(dict.fromkeys(keys))
        if missing:
            self._upload(missing)
        return self._table[torch.tensor([self._numbers[key] for key in keys], device=self._table.device)]

    def _upload(self, keys: list[bytes]) -> None:
        first = len(self._numbers)
        if first + len(keys) > len(self._table):
            larger = self._table.new_empty((2 * (first + len(keys)), self.words))
            larger[:first] = self._table[:first]
            self._table = larger
        block = np.frombuffer(b"".join(keys), np.int32).reshape(len(keys), self.words).copy()
        self._table[first : first + len(keys)] = torch.from_numpy(block).to(self._table.device)
        self._numbers.update((key, first + i) for i, key in enumerate(keys))


@intrinsic
def _select(typing_context: Any, data: Any, index: Any, word: Any, value: Any) -> Any:
    """data[index + j] = value for every j in 0..31 whose bit in `word` is 0, as one vector operation."""
    signature = types.void(data, types.uint64, types.uint32, data.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index, word, value = arguments
        lane = context.get_data_type(data.dtype)
        vector = ir.VectorType(lane, _LANES)
        zero = ir.Constant(ir.IntType(32), 0)
        zeros = ir.Constant(ir.VectorType(zero.type, _LANES), [0] * _LANES)
        undefined = ir.Constant(vector, ir.Undefined)
        first = builder.gep(context.make_array(data)(context, builder, array).data, [index])
        place = builder.bitcast(first, vector.as_pointer())
        keep = builder.bitcast(word, ir.VectorType(ir.IntType(1), _LANES))
        fill = builder.shuffle_vector(builder.insert_element(undefined, value, zero), undefined, zeros)
        alignment = data.dtype.bitwidth // 8
        builder.store(builder.select(keep, builder.load(place, align=alignment), fill), place, align=alignment)
        return context.get_dummy_value()

    return signature, generate


@njit(cache=True, nogil=True)
def _apply(flat: Any, rows: Any, size: int, stride: int, value: Any) -> None:
    """Row r of the logits lies at flat[r * stride : r * stride + size]."""
    whole = np.uint64(size >> 5)
    for r in range(rows.shape[0]):
        row = rows[r]
        base = np.uint64(r * stride)  # unsigned, so that no check for negative indices hinders the vector unit
        for w in range(whole):
            word = row[w]
            if word != np.uint32(0xFFFFFFFF):
                _select(flat, base + (w << np.uint64(5)), word, value)
        for j in range(size & ~31, size):
            if not (row[j >> 5] >> np.uint32(j & 31)) & np.uint32(1):
                flat[r * stride + j] = value
