"""Where a host begins: transformers and the command line."""
