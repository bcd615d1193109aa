"""Bitmasks applied to logits: every dtype, width and layout against a plain reference; wrong inputs refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bytebound.decoding.apply import MaskTable, apply_bitmask, expand
from bytebound.decoding.errors import InvalidArgument, WrongVocabulary
from hypothesis import given, settings
from hypothesis import strategies as st

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def random_rows(rng: np.random.Generator, n: int, size: int, density: float) -> tuple[np.ndarray, torch.Tensor]:
    """Bitmask rows with some words of all ones and all zeros, and the same as a boolean tensor."""
    words = (size + 31) // 32
    allowed = rng.random((n, words * 32)) < density
    for value in (False, True):
        allowed.reshape(n, words, 32)[rng.random((n, words)) < 0.3] = value
    rows = np.packbits(allowed, axis=1, bitorder="little").view(np.uint32)
    return rows, torch.from_numpy(allowed[:, :size].copy())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 1000, 4099])
@pytest.mark.parametrize("density", [0.0, 0.02, 0.5, 0.98, 1.0])
def test_equals_where(dtype: torch.dtype, size: int, density: float) -> None:
    rng = np.random.default_rng(size)
    torch.manual_seed(0)
    rows, allowed = random_rows(rng, 3, size, density)
    logits = torch.randn(3, size).to(dtype)
    expected = torch.where(allowed, logits, torch.tensor(-torch.inf, dtype=dtype))
    for given_rows in (rows, torch.from_numpy(rows.view(np.int32))):
        changed = logits.clone()
        apply_bitmask(changed, given_rows)
        assert torch.equal(changed, expected)


@given(st.integers(1, 200), st.integers(1, 4), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_any_width(size: int, n: int, density: float, seed: int) -> None:
    rows, allowed = random_rows(np.random.default_rng(seed), n, size, density)
    logits = torch.arange(n * size, dtype=torch.float32).reshape(n, size)
    apply_bitmask(logits, rows)
    assert torch.equal(torch.isneginf(logits), ~allowed)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_inside_a_larger_tensor_leave_the_rest_alone(dtype: torch.dtype) -> None:
    rows, allowed = random_rows(np.random.default_rng(0), 4, 70, 0.4)
    larger = torch.ones(6, 100, dtype=dtype)
    apply_bitmask(larger[1:5, 10:80], rows)
    expected = torch.ones(6, 100, dtype=dtype)
    expected[1:5, 10:80][~allowed] = -torch.inf
    assert torch.equal(larger, expected)


def test_one_row_without_a_batch_dimension() -> None:
    logits = torch.zeros(40)
    rows = np.array([0b101, 1], np.uint32)
    apply_bitmask(logits, rows)
    assert torch.isfinite(logits).nonzero().flatten().tolist() == [0, 2, 32]
    batch = torch.zeros(1, 40)
    apply_bitmask(batch, rows)
    assert torch.equal(batch[0], logits)


def test_padding_bits_are_ignored_and_nothing_is_written_behind_the_row() -> None:
    buffer = torch.zeros(2, 64)
    apply_bitmask(buffer[:, :33], np.array([[0, 0xFFFFFFFE], [0, 0xFFFFFFFF]], np.uint32))
    assert torch.isneginf(buffer[:, :32]).all()
    assert buffer[:, 32].tolist() == [-torch.inf, 0.0]
    assert (buffer[:, 33:] == 0).all()


def test_logits_that_require_gradients() -> None:
    logits = torch.zeros(1, 32, requires_grad=True)
    apply_bitmask(logits, np.array([[1]], np.uint32))
    assert torch.isneginf(logits).sum() == 31


def test_nan_and_infinities_survive_where_allowed() -> None:
    logits = torch.tensor([[float("nan"), float("inf"), -1.0, float("nan")]])
    apply_bitmask(logits, np.array([[0b0111]], np.uint32))
    assert logits[0, 0].isnan() and logits[0, 1] == torch.inf and logits[0, 2] == -1 and logits[0, 3] == -torch.inf


@pytest.mark.parametrize(
    ("logits", "rows", "numbers"),
    [
        (torch.zeros(2, 100), np.zeros((2, 3), np.uint32), ("[2, 100]", "[2, 4]", "[2, 3]")),
        (torch.zeros(2, 100), np.zeros((3, 4), np.uint32), ("[2, 4]", "[3, 4]")),
        (torch.zeros(100), np.zeros((2, 4), np.uint32), ("[1, 4]", "[2, 4]")),
        (torch.zeros(2, 2, 32), np.zeros((2, 1), np.uint32), ("[2, 2, 32]",)),
        (torch.zeros(2, 32, dtype=torch.int64), np.zeros((2, 1), np.uint32), ("int64",)),
        (torch.zeros(2, 32), np.zeros((2, 1), np.int64), ("int64",)),
        (torch.zeros(2, 32), torch.zeros(2, 1, dtype=torch.int64), ("int64",)),
        (torch.zeros(32, 2).T, np.zeros((2, 1), np.uint32), ("stride",)),
    ],
)
def test_what_does_not_fit_is_refused(logits: torch.Tensor, rows: np.ndarray, numbers: tuple[str, ...]) -> None:
    before = logits.clone()
    with pytest.raises(WrongVocabulary) as error:
        apply_bitmask(logits, rows)
    assert all(number in str(error.value) for number in numbers)
    assert torch.equal(logits, before)


def test_empty_batch() -> None:
    apply_bitmask(torch.zeros(0, 100), np.zeros((0, 4), np.uint32))


@pytest.mark.parametrize("size", [1, 33, 200])
def test_expand_agrees_with_the_kernel(size: int) -> None:
    rows, allowed = random_rows(np.random.default_rng(5), 4, size, 0.5)
    assert torch.equal(expand(torch.from_numpy(rows.view(np.int32)), size), allowed)


def test_mask_table_returns_the_rows_and_keeps_each_once() -> None:
    rng = np.random.default_rng(1)
    table = MaskTable(100, "cpu", limit=200)
    rows, _ = random_rows(rng, 90, 100, 0.5)
    for batch in (rows[:3], rows[2:70], rows[[5, 5, 1]], rows):
        assert np.array_equal(table.rows(batch).numpy().view(np.uint32), batch)
    assert len(table) == 90


def test_a_full_mask_table_starts_anew() -> None:
    rows, _ = random_rows(np.random.default_rng(2), 40, 64, 0.5)
    table = MaskTable(64, "cpu", limit=10)
    for i in range(0, 40, 4):
        assert np.array_equal(table.rows(rows[i : i + 4]).numpy().view(np.uint32), rows[i : i + 4])
        assert len(table) <= 10
    assert np.array_equal(table.rows(rows).numpy().view(np.uint32), rows)  # more rows at once than the limit


def test_mask_table_refuses_rows_of_another_vocabulary() -> None:
    with pytest.raises(WrongVocabulary, match="4 words"):
        MaskTable(100, "cpu").rows(np.zeros((1, 3), np.uint32))
    with pytest.raises(InvalidArgument, match="at least one row"):
        MaskTable(100, "cpu", limit=0)
