"""A batch job on vLLM: prompts with a constraint each, two workers, one file of answers; killed, it goes on from there.

Needs vLLM and `ray[data]`: see docs/vllm.md. `python examples/vllm_batch.py [answers.jsonl]`
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from bytebound.integrations import models
from bytebound.integrations.vllm import run_job

TABLES = {"books": {"title": "TEXT", "pages": "INTEGER"}, "authors": {"name": "TEXT", "country": "TEXT"}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "maximum": 120}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ROWS = [
    {"id": f"{kind} {i}", "prompt": prompt.format(i), "constraint": constraint}
    for i in range(16)
    for kind, prompt, constraint in [
        ("person", "{}. Describe a person as JSON:\n", {"json_schema": PERSON}),
        ("query", "{}. Question: Where do the authors live?\nSQL:", {"sql": {"schema": TABLES}}),
        ("year", "{}. The concert takes place on 1 May", {"regex": r" (19|20)\d\d"}),
        ("answer", "{}. Question: Do owls eat mice?\nAnswer:", {"choice": [" Yes.", " No."]}),
    ]
]


def main() -> None:
    import ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)  # two workers, and what feeds them
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "answers.jsonl"
    engine = {"dtype": "float32", "enforce_eager": True, "block_size": 32, "max_model_len": 512, "max_num_seqs": 8}
    sampling = {"max_tokens": 48, "temperature": 0.0}
    done = run_job(ROWS, output, models.model_path("small-bytes"), workers=2, batch_size=4, sampling=sampling, **engine)
    answers = {row["id"]: row for row in map(json.loads, output.read_text().splitlines())}
    for row in ROWS[:4]:
        print(f"{row['id']}: {answers[row['id']]['text']}")
    print(f"{done} of {len(ROWS)} rows done now, {sum(row['complete'] for row in answers.values())} answers complete")
    ray.shutdown()


if __name__ == "__main__":
    main()
