"""The command line: check on schemas and instances, demo on a model that ships, wrong usage."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from bytebound.integrations.cli import main, mismatch

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def write(folder: Path, name: str, content: Any) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"bytebound {metadata.version('bytebound')}\n"


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["nothing"], ["check"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    assert "usage: bytebound" in capsys.readouterr().err


def test_what_is_enforced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", write(tmp_path, "s.json", SCHEMA)]) == 0
    assert capsys.readouterr().out.endswith("s.json: enforced in full\n")
    assert main(["check", write(tmp_path, "s.json", {**SCHEMA, "x-note": 1})]) == 0
    printed = capsys.readouterr().out
    assert "ignored (1):\n  /x-note  x-note  unknown keyword\n" in printed
    assert "  /properties/a/type     type                  'integer'\n" in printed
    assert printed.endswith("s.json: enforced, but for unknown keywords and formats\n")


def test_everything_that_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = {"properties": {"a": {"type": "int"}, "\ud800": {"$ref": "http://elsewhere.org"}}}
    assert main(["check", write(tmp_path, "s.json", schema)]) == 1
    printed = capsys.readouterr().out
    assert "refused (2):\n  /properties/a/type " in printed and "  /properties/\\ud800/$ref " in printed


@pytest.mark.parametrize("schema", ["{", {"not": 3}, {"type": "colour"}, False])
def test_what_is_refused(tmp_path: Path, schema: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", write(tmp_path, "s.json", schema)]) == 1
    assert "s.json: refused: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("instance", "says"),
    [
        ('{"a": 1, "b": "x"}\n', None),
        ('{\n  "a": 1\n}', None),
        ('{"a": "x"}', r"""line 1, column 7: '"x"\}' is not allowed"""),
        ('{"a": 1,\n "c": 2}', r"""line 2, column 3: 'c": 2\}' is not allowed, where 'b"' must follow"""),
        ('{"b": "x", "a": 1}', r"must follow\n  note: members are expected in the order"),
        ('{"a":        1}', r"is not allowed\n  it would match with the whitespace"),
        ('{"a": 1} 2', r"' 2' is not allowed, where the text is complete"),
        ('{"a": 1', "it ends too early"),
        ("", "it ends too early, where '{' must follow"),
    ],
)
def test_instances(tmp_path: Path, instance: str, says: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    files = [write(tmp_path, "s.json", SCHEMA), write(tmp_path, "i.json", instance)]
    status = main(["check", *files])
    printed = capsys.readouterr().out
    if says is None:
        assert status == 0 and printed.endswith("i.json: matches\n")
    else:
        assert status == 1 and re.search(says, printed), printed


def test_mismatch_counts_characters_not_bytes() -> None:
    from bytebound.grammars import regex

    assert mismatch(regex("é\nüx"), "é\nüy".encode()) == "line 2, column 2: 'y' is not allowed, where 'x' must follow"
    assert mismatch(regex("ab"), b"ab") is None


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "absent.json")]) == 2
    (tmp_path / "latin.json").write_bytes(b'{"title": "\xe9"}')
    assert main(["check", str(tmp_path / "latin.json")]) == 2
    assert capsys.readouterr().err.count("bytebound: ") == 2


def test_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    printed = capsys.readouterr().out
    for part in ("== JSON Schema", "== pydantic", "== regex", "Order(id=", "datetime.date("):
        assert part in printed
    assert printed.count("\nconstrained  ") == 3 and printed.count("\nfree  ") == 3
    assert "cannot be parsed" in printed or "does not match the constraint" in printed


def test_demo_of_a_model_that_does_not_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--model", "huge"]) == 2
    assert "no model named 'huge'" in capsys.readouterr().err


def test_as_a_module_without_torch(tmp_path: Path) -> None:
    schema = write(tmp_path, "s.json", SCHEMA)
    code = "import sys; from bytebound.integrations.cli import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    for command in (["-m", "bytebound.integrations"], ["-c", code]):
        done = subprocess.run([sys.executable, *command, "check", schema], capture_output=True, text=True, check=True)
        assert "enforced in full" in done.stdout
    assert done.stdout.endswith("False\n")
