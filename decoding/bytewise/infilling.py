"""Fill-in-the-middle prompts (Bavarian et al. 2022) for models of code, as prefixes that may be cut anywhere.

Two orders are in use. Suffix first ("spm"): the middle goes on where the prefix ends, so a prefix that is cut inside a
token is covered exactly by `ByteModel` and `generate_bytes`. Prefix first ("psm"): a marker stands between them, and
the prefix is tokenized as it is.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ..errors import DecodingError
from .prefixes import bytes_of


class Markers(NamedTuple):
    """The control tokens of a format."""

    prefix: str
    suffix: str
    middle: str


FORMATS = {
    "starcoder": Markers("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    "qwen": Markers("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    "deepseek": Markers("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
    "codellama": Markers("▁<PRE>", "▁<SUF>", "▁<MID>"),
}
"""Markers by format: StarCoder and SantaCoder, Qwen Coder, DeepSeek Coder, Code Llama."""


def fill_in_middle(
    tokenizer: Any,
    prefix: str | bytes,
    suffix: str | bytes,
    *,
    order: Literal["spm", "psm"] = "spm",
    format: str | None = None,
) -> list[int | bytes]:
    """The prompt for the text between `prefix` and `suffix`, for `ByteModel` and `generate_bytes`.

        generate_bytes(model, tokenizer, fill_in_middle(tokenizer, "def area(rad", "return area"), max_new_tokens=40)

    Args:
        tokenizer: whose vocabulary has the markers.
        prefix: text before, cut anywhere.
        suffix: text after, which must begin with a whole character.
        order: "spm" or "psm", see above.
        format: a key of FORMATS; None: the one whose markers the tokenizer has.

    It begins with the tokenizer's BOS token, where the tokenizer puts one before a text. Raises DecodingError where the
    tokenizer does not have the markers.
    """
    if order not in ("spm", "psm"):
        raise DecodingError(f'order must be "spm" or "psm", not {order!r}')
    if format is not None and format not in FORMATS:
        raise DecodingError(f"{format!r} is no known format: {', '.join(FORMATS)}")
    known: dict[str, int] = tokenizer.get_vocab()
    candidates = [FORMATS[format]] if format else list(FORMATS.values())
    markers = next((m for m in candidates if all(marker in known for marker in m)), None)
    if markers is None:
        raise DecodingError(
            f"{type(tokenizer).__name__} lacks the markers of "
            + (f"the format {format}: {', '.join(candidates[0])}" if format else f"all formats: {', '.join(FORMATS)}")
        )
    before, after, middle = (known[marker] for marker in markers)
    head, tail = bytes_of(prefix), bytes_of(suffix)
    start: list[int | bytes] = []
    bos = getattr(tokenizer, "bos_token_id", None)
    if callable(tokenizer) and bos is not None and tokenizer("a")["input_ids"][0] == bos:
        start = [bos]
    if order == "psm":
        return [*start, before, head, after, tail, middle, b""]
    return [*start, before, after, tail, middle, head]
