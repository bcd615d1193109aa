"""byte-sampler or genlm-bytes along one text, in a Python of its own; started by `next_byte.py`, which explains.

    PYTHON byte_peers.py byte-sampler|genlm-bytes MODEL_FOLDER TEXT_FILE

Prints one line of JSON: bytes per CPU second of the first and of a second walk, loading left out; of byte-sampler also
the distribution that it gives at the end of the text.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch


def byte_sampler(folder: str, text: bytes) -> dict[str, Any]:
    """As its own `generate_batched` does it, with the byte given instead of drawn."""
    from byte_sampling import ByteConditioning
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    conditioning = ByteConditioning(model, tokenizer)
    found: dict[str, Any] = {}
    with torch.inference_mode():
        for walk in ("first", "again"):
            begin = time.process_time()
            sampler = conditioning.get_bytewise_sampler(1)
            for byte in text:
                logits = sampler.get_dists()
                sampler.add_context([bytes([byte])])
            found[walk] = len(text) / (time.process_time() - begin)
    found["last"] = torch.softmax(logits[0].double(), 0).tolist()
    return found


def genlm_bytes(folder: str, text: bytes) -> dict[str, Any]:
    """With a beam of 5."""
    from genlm.backend import load_model_by_name
    from genlm.bytes import BeamParams, ByteBeamState

    async def run() -> dict[str, Any]:
        options = {"hf_opts": {"device_map": None, "dtype": torch.float32}}
        host = load_model_by_name(folder, backend="hf", llm_opts=options)
        found = {}
        for walk in ("first", "again"):
            beam = await ByteBeamState.initial(host, BeamParams(K=5))
            begin = time.process_time()
            for byte in text:
                await beam.logp_next()
                beam = await (beam.prune() << byte)
            found[walk] = len(text) / (time.process_time() - begin)
            await beam.cleanup()
        return found

    return asyncio.run(run())


PEERS = {"byte-sampler": byte_sampler, "genlm-bytes": genlm_bytes}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(PEERS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]).read_bytes())))
