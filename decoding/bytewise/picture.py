"""A picture of where probability goes, byte by byte and beside it token by token: one HTML page without scripts."""

from __future__ import annotations

import html

import numpy as np

from ..errors import DecodingError
from .byte_model import ByteModel
from .frontier import EOS
from .prefixes import Prefix, bytes_of

_STYLE = """<style>
.bytebound{font:13px/1.4 ui-monospace,monospace;color:#1b1f24;background:#fff;overflow-x:auto}
.bytebound table{border-collapse:collapse;margin:0 0 1em}
.bytebound td,.bytebound th{padding:1px 5px;text-align:left;vertical-align:top;white-space:pre}
.bytebound .text{font-weight:bold;font-size:15px;border-bottom:1px solid #8c959f}
.bytebound .bar{display:inline-block;height:9px;background:#0969da;margin-right:4px}
.bytebound .true .bar{background:#bc4c00}
.bytebound caption{text-align:left;padding:4px 5px;font-family:sans-serif}
</style>"""


def probability_picture(model: ByteModel, text: str | bytes, prefix: Prefix = b"", *, likely: int = 5) -> str:
    """HTML of the likeliest next symbols before each byte of a text, and of the likeliest next tokens before each token
    that the tokenizer makes of it; bars are probabilities, those of what came are coloured.

    The text follows `prefix`, after which the tokens are those of the text alone. Raises DecodingError for a text that
    is empty or longer than 400 bytes, or no UTF-8.
    """
    data = bytes_of(text)
    if not 0 < len(data) <= 400:
        raise DecodingError(f"a picture shows 1 to 400 bytes, not {len(data)}")
    columns = []
    state = model.start(prefix)
    for byte in data:
        chances = np.exp(state.next_byte())
        best = [int(i) for i in np.argsort(-chances)[:likely]]
        rows = [(_symbol(i), float(chances[i]), i == byte) for i in best]
        if byte not in best:
            rows.append((_symbol(byte), float(chances[byte]), True))
        columns.append((_symbol(byte), rows))
        state.advance(byte)
    parts = [_STYLE, '<div class="bytebound">', _table("by byte", columns)]
    if model.encoder is not None:
        parts.append(_table("by token", _token_columns(model, data, prefix, likely)))
    return "\n".join([*parts, "</div>"])


def _token_columns(
    model: ByteModel, data: bytes, prefix: Prefix, likely: int
) -> list[tuple[str, list[tuple[str, float, bool]]]]:
    context, before, dummy = model.read(prefix)
    assert model.encoder is not None
    try:
        spelled = (model.encoder.begin(before + data) if dummy else before + data).decode()
    except UnicodeDecodeError as error:
        raise DecodingError(f"the text has no tokens: {error}") from None
    (ids,) = model.encoder.encode([spelled])
    columns, end = [], 0
    skipped = len(spelled.encode()) - len(data)
    for place, token in enumerate(ids):
        end += len(model.vocabulary.token_bytes(token))
        if end <= skipped:
            continue
        (row,) = model.model.next_logprobs([[*context, *ids[:place]]]).double().exp().tolist()
        best = sorted(range(len(row)), key=lambda i: -row[i])[:likely]
        shown = [*best, *([token] if token not in best else [])]
        columns.append(
            (_token(model, token), [(_token(model, i), row[i], i == token) for i in shown]),
        )
    return columns


def _table(caption: str, columns: list[tuple[str, list[tuple[str, float, bool]]]]) -> str:
    head = "".join(f'<th class="text">{html.escape(name)}</th>' for name, _ in columns)
    body = ""
    for i in range(max(len(rows) for _, rows in columns)):
        body += "<tr>"
        for _, rows in columns:
            if i >= len(rows):
                body += "<td></td>"
                continue
            name, chance, true = rows[i]
            kind = ' class="true"' if true else ""
            bar = f'<span class="bar" style="width:{max(1, round(60 * chance))}px"></span>'
            body += f"<td{kind}>{bar}{html.escape(name)} {100 * chance:.1f}%</td>"
        body += "</tr>"
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"


def _symbol(symbol: int) -> str:
    if symbol == EOS:
        return "end"
    return repr(chr(symbol))[1:-1].replace(" ", "␣") if symbol < 0x80 else f"<{symbol:02X}>"


def _token(model: ByteModel, token: int) -> str:
    if token in model.vocabulary.eos_token_ids:
        return "end"
    data = model.vocabulary.token_bytes(token)
    return data.decode(errors="replace").replace(" ", "␣").replace("\n", "\\n") if data else f"[{token}]"
