"""Many prompts, each with a constraint of its own, through Ray Data's vLLM stage (`ray.data.llm`), restartable.

Answers are appended to one file of JSON lines as they come, batch by batch; a job that is started again leaves out the
rows whose answers are there. Every worker is an engine with our masks in it. Needs `ray[data]` beside vLLM.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...decoding import DecodingError
from ...grammars import ByteboundError
from .settings import settings
from .slot import EXTENSION
from .specification import VARIABLE, constraint_of

_ANY_TEXT = {"regex": "(?s:.*)"}


def run_job(
    rows: Iterable[Mapping[str, Any]],
    output: str | Path,
    model: str | Path,
    *,
    workers: int = 1,
    batch_size: int = 32,
    sampling: Mapping[str, Any] | None = None,
    **engine: Any,
) -> int:
    """Answer the rows that `output` has no answer of yet, and return how many that were.

        run_job(rows, "answers.jsonl", "MODEL", workers=2, sampling={"max_tokens": 100}, max_model_len=4096)

    Args:
        rows: with `id` (text or an integer, each once), `prompt` (text) and `constraint`: a specification (see
            `specification`), such as {"json_schema": {...}} or {"sql": {...}}, or None for any text.
        output: file of JSON lines {"id", "text", "complete"}; `complete` says whether the text is whole, or was cut at
            `max_tokens`. A row that fails, because its constraint cannot be compiled say, has "error" and no text.
        model: folder or name of the model.
        workers: engines side by side.
        batch_size: rows of a batch: what is lost at most, for each worker and twice over, where the job is killed.
        sampling: for `vllm.SamplingParams`, of all rows.
        engine: for the engine: dtype, max_model_len, tensor_parallel_size and others.

    Where Ray is not running it is started on this machine, and stopped in the end. Raises DecodingError for wrong rows.
    """
    todo = list(_left(rows, Path(output)))
    if not todo:
        return 0
    import ray
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
    module = os.environ.get(VARIABLE)
    config = vLLMEngineProcessorConfig(
        model_source=str(model),
        concurrency=(workers, workers),  # a number would be the most there may be
        batch_size=batch_size,
        engine_kwargs={**settings(asynchronous=not on_cpu), **engine},
        placement_group_config={"bundles": [{"CPU": 1}]} if on_cpu else None,
        runtime_env={"env_vars": {VARIABLE: module}} if module else None,
        log_engine_metrics=False,
        should_continue_on_error=True,
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
    )
    parameters = dict(sampling or {})
    constraints = {row["id"]: row["constraint"] for row in todo}

    def before(row: dict[str, Any]) -> dict[str, Any]:
        # Dots of columns and names of keys stay out of Ray's tables: a specification travels as text.
        return {
            "prompt": row["prompt"],
            "sampling_params": {**parameters, "structured_outputs": {"json": row["slot"]}},
            "id": row["id"],
        }

    def after(row: dict[str, Any]) -> dict[str, Any]:
        return {"id": row["id"], "text": row["generated_text"]}

    started = not ray.is_initialized()
    try:
        process = build_processor(config, preprocess=before, postprocess=after)
        items = [{"id": row["id"], "prompt": row["prompt"], "slot": _slot(row["constraint"])} for row in todo]
        blocks = -(-len(items) // batch_size)
        answers = process(ray.data.from_items(items, override_num_blocks=blocks))
        with Path(output).open("a", encoding="utf-8") as file:
            for batch in answers.iter_batches(batch_size=None, batch_format="pandas", prefetch_batches=0):
                for row in batch.to_dict("records"):
                    line = _answer(row, constraints[row["id"]])
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
    finally:
        if started:
            ray.shutdown()
    return len(todo)


def _left(rows: Iterable[Mapping[str, Any]], output: Path) -> Iterator[dict[str, Any]]:
    """The rows to do, checked. A line that was cut when the last job was killed is taken off the file."""
    done = set()
    if output.exists():
        lines, end, rest = output.read_bytes().rpartition(b"\n")
        try:
            done = {json.loads(line)["id"] for line in lines.splitlines()}
        except (ValueError, TypeError, KeyError):
            raise DecodingError(f"{output} is no file of answers: it has a line without an id") from None
        if rest:
            os.truncate(output, len(lines) + len(end))
    seen: set[Any] = set()
    for row in rows:
        name = row.get("id")
        if not isinstance(name, str | int) or isinstance(name, bool) or name in seen:
            raise DecodingError(f"each row has an id of its own, text or an integer, unlike {name!r}")
        seen.add(name)
        if not isinstance(row.get("prompt"), str) or not row["prompt"]:
            raise DecodingError(f"row {name!r} has no prompt")
        if name not in done:
            yield {"id": name, "prompt": row["prompt"], "constraint": row.get("constraint")}


def _slot(constraint: Any) -> str:
    return json.dumps({EXTENSION: _ANY_TEXT if constraint is None else constraint})


def _answer(row: Mapping[str, Any], constraint: Any) -> dict[str, Any]:
    name = row["id"].item() if hasattr(row["id"], "item") else row["id"]
    text, error = row.get("text"), row.get("__inference_error__")
    if isinstance(error, str) and error:
        return {"id": name, "error": error}
    complete = False
    with contextlib.suppress(ByteboundError):
        complete = constraint_of(_ANY_TEXT if constraint is None else constraint).matches(text)
    return {"id": name, "text": text, "complete": complete}
