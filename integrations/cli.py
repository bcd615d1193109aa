"""The command `bytebound`: `demo` shows the main job on a model that ships, `check` tries a schema on a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from ..grammars import ByteboundError, Grammar, GrammarError, explain, json_schema


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 fine, 1 refused or no match, 2 wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "demo":
            from .demo import run  # loads torch and transformers, which the other commands do without

            run(options.model)
            return 0
        return _check(options.schema, options.instance)
    except BrokenPipeError:  # whoever reads the output has seen enough
        return 1
    except (OSError, UnicodeDecodeError, ByteboundError) as error:
        print(f"bytebound: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bytebound", description="Language models that write what a grammar allows.")
    parser.add_argument("--version", action="version", version=f"bytebound {metadata.version('bytebound')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="generate with and without grammars, on a small model that ships")
    demo.add_argument("--model", default="small-bytes", help="small-bytes or small-pieces (default: %(default)s)")
    check = commands.add_parser(
        "check",
        help="say what of a JSON Schema is enforced, and whether a JSON text matches it",
        description="Exit status 0: enforced, and the text matches. 1: refused, or it does not match. 2: wrong usage.",
    )
    check.add_argument("schema", type=Path, metavar="SCHEMA.json")
    check.add_argument("instance", type=Path, nargs="?", metavar="INSTANCE.json")
    return parser


def _check(schema_file: Path, instance_file: Path | None) -> int:
    schema = schema_file.read_text(encoding="utf-8")
    print(str(explain(schema)).encode(errors="backslashreplace").decode())
    try:
        grammar = json_schema(schema)
    except GrammarError as error:
        print(f"{schema_file}: refused: {error}".encode(errors="backslashreplace").decode())
        return 1
    print(f"{schema_file}: enforced" + (", but for unknown keywords and formats" if grammar.ignored else " in full"))
    if instance_file is None:
        return 0
    data = instance_file.read_bytes().strip()
    problem = mismatch(grammar, data)
    if problem is None:
        print(f"{instance_file}: matches")
        return 0
    print(f"{instance_file}: does not match: {problem}")
    try:
        respelled = json.dumps(json.loads(data), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return 1
    if grammar.matches(respelled):
        print("  it would match with the whitespace that the grammar writes (at most one newline and indentation)")
    else:
        print("  note: members are expected in the order of the schema's properties")
    return 1


def mismatch(grammar: Grammar, data: bytes) -> str | None:
    """Where and why `data` is not in the language; None where it is."""
    automaton = grammar.automaton
    state = automaton.start
    for i, byte in enumerate(data):
        after = automaton.step(state, byte)
        if automaton.is_dead(after):
            line = data.count(b"\n", 0, i) + 1
            column = len(data[data.rfind(b"\n", 0, i) + 1 : i].decode(errors="replace")) + 1
            forced = automaton.drafted_bytes(state)
            expected = f", where {forced.decode(errors='replace')!r} must follow" if forced else ""
            if not forced and automaton.is_accepting(state):
                expected = ", where the text is complete"
            found = data[i : i + 12].decode(errors="replace")
            return f"line {line}, column {column}: {found!r} is not allowed{expected}"
        state = after
    if automaton.is_accepting(state):
        return None
    forced = automaton.drafted_bytes(state)
    return "it ends too early" + (f", where {forced.decode(errors='replace')!r} must follow" if forced else "")


if __name__ == "__main__":
    sys.exit(main())
