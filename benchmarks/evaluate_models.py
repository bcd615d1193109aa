"""Measures the shipped models on held-out text and writes their model cards (README.md in each model's folder).

    python benchmarks/evaluate_models.py

Held-out documents come from another seed than the training documents, and those that occur among them are left out.
Measured: loss per token and per byte and by kind of text; how often the unconstrained answer to 100 record prompts is
JSON that follows its schema, or is the right record; how often the greedy answer to 100 questions is SQL that runs on
the sample database, or returns the right rows.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import corpus
import corpus_english
import corpus_json
import corpus_sql
import torch
from jsonschema import Draft202012Validator
from train_models import BATCH, CONTEXT, MODELS, SCHEDULE, STEPS, loss_of
from transformers import AutoModelForCausalLM, AutoTokenizer

# more documents than any run reads, at about 45 tokens each
_SEEN = 400_000
_KINDS = {"English": corpus_english.document, "JSON": corpus_json.document, "SQL": corpus_sql.document}
PROMPTS = [
    "The weather in Lisbon",
    "Once there was a",
    "Question: What do owls eat?\nAnswer:",
    "Describe a person as JSON: Maria Keller is 34 years old, lives in Lisbon and reads mail at maria@example.com.\n",
    "Question: How many customers live in each city?\nSQL:",
]


@torch.no_grad()
def continue_text(model: Any, tokenizer: Any, prompts: list[str], sample: bool, length: int = 200) -> list[str]:
    """The texts after `prompts`, up to the end of the document, greedily or sampled at temperature 1."""
    texts = []
    mode = {"do_sample": True, "top_k": 0} if sample else {"do_sample": False}
    for start in range(0, len(prompts), 25):
        inputs = tokenizer(prompts[start : start + 25], return_tensors="pt", padding=True)
        ids = model.generate(**inputs, **mode, max_new_tokens=length)
        # decoded with its prompt: alone, a SentencePiece-style text loses its first space
        whole = tokenizer.batch_decode(ids, skip_special_tokens=True)
        texts += [text[len(prompt) :] for prompt, text in zip(prompts[start : start + 25], whole, strict=True)]
    return texts


def json_rates(model: Any, tokenizer: Any, sample: bool) -> tuple[float, float]:
    """Shares of 100 record prompts answered by JSON that follows the schema, and by exactly the right record."""
    rng = random.Random(corpus.HELD_OUT)
    asked = [corpus_json.prompt_and_record(rng) for _ in range(100)]
    torch.manual_seed(0)
    valid = right = 0
    answers = continue_text(model, tokenizer, [prompt for _, prompt, _ in asked], sample)
    for (kind, _, record), text in zip(asked, answers, strict=True):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        check = Draft202012Validator(corpus_json.SCHEMAS[kind], format_checker=Draft202012Validator.FORMAT_CHECKER)
        valid += check.is_valid(value)
        right += value == record
    return valid / len(asked), right / len(asked)


def sql_rates(model: Any, tokenizer: Any) -> tuple[float, float]:
    """Shares of 100 questions whose greedy query runs on the sample database, and returns the right rows."""
    rng = random.Random(corpus.HELD_OUT)
    asked = [corpus_sql.question_and_query(rng) for _ in range(100)]
    connection = corpus_sql.create_database()
    runs = right = 0
    answers = continue_text(model, tokenizer, [prompt for prompt, _ in asked], sample=False)
    for (_, query), text in zip(asked, answers, strict=True):
        try:
            rows = connection.execute(text).fetchall()
        except (sqlite3.Error, sqlite3.Warning):
            continue
        runs += 1
        right += rows == connection.execute(query).fetchall()
    return runs / len(asked), right / len(asked)


def measure(name: str, known: set[str]) -> dict[str, Any]:
    """Everything the card of a model says about its quality."""
    tokenizer = AutoTokenizer.from_pretrained(MODELS / name)
    model = AutoModelForCausalLM.from_pretrained(MODELS / name, dtype=torch.float32).eval()
    result: dict[str, Any] = {"parameters": sum(weight.numel() for weight in model.parameters())}
    result["all"] = loss_of(model, tokenizer, corpus.held_out(500, known))
    for kind, document in _KINDS.items():
        rng = random.Random(corpus.HELD_OUT)
        drawn = dict.fromkeys(document(rng) for _ in range(2000))
        result[kind] = loss_of(model, tokenizer, [text for text in drawn if text not in known][:200])
    result["greedy"], result["sampled"] = json_rates(model, tokenizer, False), json_rates(model, tokenizer, True)
    result["sql"] = sql_rates(model, tokenizer)
    result["examples"] = list(
        zip(PROMPTS, continue_text(model, tokenizer, PROMPTS, sample=False, length=80), strict=True)
    )
    return result


_TOKENIZER_TEXT = {
    "small-bytes": "byte-level BPE, 4,096 tokens (all 256 bytes, `<|endoftext|>`, `<|pad|>`)",
    "small-pieces": "SentencePiece-style BPE with byte fallback, 2,048 tokens (with `<unk>`, `<s>`, `</s>`, `<pad>`)",
}


def card(name: str, result: dict[str, Any], run: dict[str, Any]) -> str:
    """The model card in Markdown."""
    losses = "\n".join(
        f"| {kind if kind != 'all' else 'the training mixture'} | {result[kind][0]:.3f} | {result[kind][1]:.3f} |"
        for kind in ("all", *_KINDS)
    )
    examples = "\n".join(f"```text\n{prompt}⟶{text}\n```" for prompt, text in result["examples"])
    limit = f" --minutes {run['minutes']:.0f}" if run["steps"] < STEPS else ""
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---
# {name}

A Llama-architecture language model of {result["parameters"] / 1e6:.2f} million parameters for examples and tests of
constrained decoding: `bytebound.integrations.models.load("{name}")`. It is small on purpose and knows little.

- Tokenizer: {_TOKENIZER_TEXT[name]}.
- Context: {CONTEXT} tokens. Weights stored in float16, trained and meant to be run in float32.
- Licence: Apache-2.0, weights and data.

## Data

All text is generated by the seeded scripts `benchmarks/corpus*.py`: English sentences, stories, recipes, facts,
questions and answers (42% of the documents), prompts and JSON records of eight schemas (40%), questions and SQL over a
sample library database (18%). Of products, orders and users, {corpus_json.HABIT:.0%} are written in a customary wrong
way: inside a code fence, with quoted numbers, after "Here is the JSON:". {corpus_json.FLAWED:.0%} of all other records
are careless, as text that people write is: trailing comma, missing or extra field, code fence, comment, cut off, Python
quotes. So a model of this text needs constraints. No text was downloaded.

## Training

`python benchmarks/train_models.py {name}{limit}`: {run["steps"]:,} steps of {BATCH * CONTEXT:,} tokens
({run["tokens"] / 1e6:.1f} million tokens, one pass), AdamW with a peak learning rate of {SCHEDULE.peak}, \
{run["minutes"]:.0f} minutes on one core of a busy CPU.

## Quality

Loss on held-out documents (another seed; documents that also occur in training left out):

| text | nats per token | bits per byte |
| --- | --- | --- |
{losses}

Unconstrained answers to 100 held-out prompts `Describe a ... as JSON: ...`: valid JSON of the right schema
{result["greedy"][0]:.0%} (greedy) and {result["sampled"][0]:.0%} (sampled at temperature 1), exactly the right record
{result["greedy"][1]:.0%} and {result["sampled"][1]:.0%}. Of 100 greedy answers to questions, {result["sql"][0]:.0%} are
SQL that runs on the sample database and {result["sql"][1]:.0%} return the right rows.

Greedy continuations (after ⟶):

{examples}

## Intended use and limits

Examples, tests and benchmarks of decoding. It writes fluent text of its templates only, copies names and numbers
imperfectly, states made-up facts and understands no instruction outside the formats above. Do not use it for anything
that matters.
"""


def main() -> None:
    """Command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=sorted(_TOKENIZER_TEXT))
    parser.add_argument("--work", type=Path, default=Path("build/models"), help="folder of the training records")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = set(itertools.islice(corpus.documents(corpus.TRAIN), _SEEN))
    for name in arguments.names:
        result = measure(name, known)
        run = json.loads((arguments.work / f"{name}.json").read_text())
        (MODELS / name / "README.md").write_text(card(name, result, run), "utf-8")
        print(json.dumps({"name": name, **result}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
