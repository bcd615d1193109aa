"""`python -m bytebound.integrations.vllm --model MODEL ...`: vLLM's OpenAI-compatible server with bytebound in it."""

from __future__ import annotations

from .server import main

if __name__ == "__main__":
    main()
