"""vLLM: grammars as hard masks, weighted samples, and posteriors, in the engine and over HTTP (vLLM 0.32).

Start the server, which is vLLM's own with our parts in it, and ask it as any OpenAI-compatible one:

    python -m bytebound.integrations.vllm --model MODEL [--constraints MODULE] [--weights] [options of vLLM]

**Hard masks** go through the slot for structured output, beside the forward pass, and work with speculative decoding:
`response_format`, or `structured_outputs` with `json`, `json_object`, `regex`, `choice` or `grammar` (Lark's language,
or GBNF). `{"bytebound": {...}}` in `json` or `grammar` is a specification with options (`specification`), such as SQL
over tables that the request brings along, or the name of a constraint that the server has registered:

    client.completions.create(..., extra_body={"structured_outputs": {"grammar":
        '{"bytebound": {"json_schema": {"type": "object"}, "property_order": "any"}}'}})

What cannot be compiled, or not within two seconds, is answered with HTTP 400 that says why.

**Weighted samples** are drawn by a logits processor, `Constrain`: tokens come from a step sampler (rejection sampling,
predicates too), and the weights say how much each answer counts (Lipkin et al. 2025). The specification goes into
`vllm_xargs` as JSON text; with `--weights` the log weight of each token stands in place of its logprob:

    client.completions.create(..., logprobs=0, extra_body={"vllm_xargs": {"bytebound":
        '{"constraint": {"regex": "[0-9]{4}"}, "sampler": "head-tail"}'}})

The weight of an answer is the product over its tokens; it is zero where one says -9999, and where the answer was cut
before it was complete.

**Posteriors over HTTP** (with `--weights`): the `n` choices of a request are particles of sequential Monte Carlo,
resampled every so many tokens, and the response has their weights and the evidence (`particles`):

    answer = client.completions.create(..., n=16, max_tokens=40, extra_body={"vllm_xargs": {"bytebound":
        '{"constraint": {"regex": "[0-9]{4}"}, "posterior": {"every": 8, "threshold": 0.5}}'}})
    answer.bytebound["weights"], answer.bytebound["log_evidence"], answer.bytebound["effective_sample_size"]

**Metrics**: the server's `/metrics` has `bytebound:masks_total`, `mask_seconds`, `compilations`, `compile_seconds`,
`constraint_evaluations` and `resamplings`, summed over its processes; `metrics()` tells those of this process.

**Offline**, in one process (set VLLM_ENABLE_V1_MULTIPROCESSING=0), particles are live requests whose tokens we choose:

    llm = vllm.LLM("MODEL", **settings())
    result = posterior(llm, "The year ", grammars.regex("[0-9]{4}"), particles=32)
    vllm.SamplingParams(extra_args={"bytebound": '{"constraint": {"regex": "[0-9]{4}"}, "id": "a"}'})   # ...
    weights("a").log_weight(output.outputs[0].token_ids)
    generate_bytes(llm, "The weather in Lis", temperature=0.0)      # prompts may end anywhere
    run_job(rows, "answers.jsonl", "MODEL", workers=2)              # of many rows, with Ray Data, restartable

Import this package before vLLM makes an engine. With schedulers and processors named on vLLM's own command line
(`--scheduler-cls bytebound.integrations.vllm.scheduler.AsyncScheduler`, `--logits-processors
bytebound.integrations.vllm:Constrain`, `--structured-outputs-config.backend lm-format-enforcer`) all works but
`grammar`, and patterns that lm-format-enforcer does not read, which vLLM's front end refuses.

Limits: vLLM takes no logits processors with speculative decoding, nor `lm-format-enforcer`, whose place we take, with
mistral-common's tokenizers (`--tokenizer-mode hf`). `Constrain` on the V2 model runner follows vLLM's source, and has
not been run; `posterior` and `VllmModel` need the V1 runner (VLLM_USE_V2_MODEL_RUNNER=0), synchronous scheduling and
one worker. A grammar of a weighted request is compiled once more by the engine, which waits for it.
"""

from .bytes import generate_bytes
from .counts import metrics
from .jobs import run_job
from .language_model import VllmModel
from .posterior import posterior
from .processor import Constrain
from .settings import settings
from .specification import constraint_of, register
from .weights import Drawn, Weights, weights

__all__ = [
    "Constrain",
    "Drawn",
    "VllmModel",
    "Weights",
    "constraint_of",
    "generate_bytes",
    "metrics",
    "posterior",
    "register",
    "run_job",
    "settings",
    "weights",
]
