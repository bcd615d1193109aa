"""Where a host begins: transformers, vLLM and the command line."""
