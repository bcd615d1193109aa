"""Compiled grammars that are kept: the same one for the same question, files that are shared, and never a wrong one."""

from __future__ import annotations

import dataclasses
import enum
import io
import json
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytebound.grammars import Budget, BudgetExceeded, GrammarError, Unsupported, compiled, json_schema, pydantic
from bytebound.grammars.program import Program

TAGS = {"type": "array", "items": {"pattern": "^[a-c]+$"}, "maxItems": 5}
SCHEMA = {
    "title": "Order ü",
    "type": "object",
    "properties": {"id": {"type": "integer"}, "tags": TAGS},
    "required": ["id"],
    "x-note": 1,
}
GOOD, BAD = '{"id": 3, "tags": ["abc"]}', '{"id": 3, "tags": ["d"]}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache on disk for everything that is compiled, and nothing in memory."""
    monkeypatch.setenv("BYTEBOUND_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "SLOW", 0.0)
    compiled.kept.clear()
    return tmp_path / "grammars"


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on disk, nothing in memory."""
    monkeypatch.setenv("BYTEBOUND_CACHE_DIR", "")
    compiled.kept.clear()


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The schemas that are really compiled."""
    from bytebound.grammars.schema import compiler

    made: list[Any] = []
    real = compiler.compile_document

    def counting(document: Any, *others: Any) -> Any:
        made.append(document.root.schema)
        return real(document, *others)

    monkeypatch.setattr(compiler, "compile_document", counting)
    return made


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.usefixtures("forgetful")
def test_the_same_question_gives_the_same_grammar() -> None:
    grammar = json_schema(SCHEMA)
    assert json_schema(json.dumps(SCHEMA)) is grammar and json_schema(OrderedDict(SCHEMA)) is grammar
    assert json_schema(SCHEMA, budget=Budget()) is grammar
    others = [
        json_schema(SCHEMA, whitespace="compact"),
        json_schema(SCHEMA, unknown_formats="refuse"),
        json_schema(SCHEMA, budget=Budget(seconds=5)),
        json_schema(SCHEMA, cache=False),
        json_schema(dict(reversed(SCHEMA.items()))),
    ]
    assert len({id(g) for g in [grammar, *others]}) == 6
    assert others[2].budget == Budget(seconds=5) and grammar.budget == Budget()


@pytest.mark.usefixtures("forgetful")
def test_values_that_only_look_the_same() -> None:
    for one, other in [(1, True), (1, 1.0), (0, -0.0), (None, "null")]:
        assert json_schema({"const": one}) is not json_schema({"const": other})
    assert json_schema({"required": ["a"]}).matches('{"a": 1}')
    with pytest.raises(GrammarError):  # a tuple is no array, and 5 no key, whatever was compiled before
        json_schema({"required": ("a",)})
    assert json_schema({"properties": {"5": {}}})
    with pytest.raises(GrammarError):
        json_schema({"properties": {5: {}}})
    assert compiled.canonical({"const": float("nan")}) is None and compiled.canonical({"a": object()}) is None
    assert compiled.canonical({"a": 10**5000}) is None

    class Kind(enum.StrEnum):
        A = "string"

    assert json_schema({"type": Kind.A}) is json_schema({"type": "string"})


@pytest.mark.usefixtures("forgetful")
def test_a_schema_that_changes_afterwards() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    grammar = json_schema(schema)
    schema["properties"]["a"]["type"] = "string"  # type: ignore[index]
    assert json_schema(schema).matches('{"a": "x"}') and not grammar.matches('{"a": "x"}')
    assert grammar.schema == {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.usefixtures("forgetful")
def test_errors_are_not_kept() -> None:
    for _ in range(2):
        with pytest.raises(Unsupported):
            json_schema({"uniqueItems": True})
    big = {"enum": [str(i * 7919) for i in range(1000)]}
    assert json_schema(big)
    with pytest.raises(BudgetExceeded):
        json_schema(big, budget=Budget(nodes=100))


@pytest.mark.usefixtures("forgetful")
def test_models_with_equal_schemas_stay_apart() -> None:
    from pydantic import BaseModel

    def make() -> type[BaseModel]:
        class Item(BaseModel):
            name: str

        return Item

    first, second = make(), make()
    one, two = pydantic(first), pydantic(second)
    assert (one.model, two.model) == (first, second) and one is pydantic(first)
    assert json_schema(first.model_json_schema()).model is None
    assert pydantic(first, cache=False) is not one


@pytest.mark.usefixtures("forgetful")
def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch, makes: list[Any]) -> None:
    monkeypatch.setattr(compiled, "MAX_KEPT", 3)
    first = json_schema({"const": 0})
    for i in range(1, 3):
        json_schema({"const": i})
    assert json_schema({"const": 0}) is first  # used again, so the next one to go is 1
    json_schema({"const": 3})
    assert json_schema({"const": 0}) is first
    json_schema({"const": 1})
    assert makes == [{"const": i} for i in (0, 1, 2, 3, 1)]
    monkeypatch.setattr(compiled, "MAX_KEPT_BYTES", 1)
    last = json_schema({"const": 9})
    assert json_schema({"const": 9}) is last and json_schema({"const": 0}) is not first


@pytest.mark.usefixtures("forgetful")
def test_an_automaton_near_its_budget_is_not_handed_out_again() -> None:
    schema, budget = {"type": "string", "pattern": "^(a|b)*a(a|b){9}$"}, Budget(states=1000)
    grammar = json_schema(schema, budget=budget)
    for i in range(400):
        grammar.matches(f'"{i:09b}aaaaaaaaaa"'.replace("1", "a").replace("0", "b"))
        if 2 * grammar.automaton.states > 1000:
            break
    else:
        pytest.fail("the automaton made too few states for this test")
    fresh = json_schema(schema, budget=budget)
    assert fresh is not grammar and fresh.program is grammar.program and fresh.automaton.states < 10
    assert json_schema(schema, budget=budget) is fresh


def test_on_disk(folder: Path, makes: list[Any]) -> None:
    grammar = json_schema(SCHEMA)
    (file,) = files(folder)
    compiled.kept.clear()
    again = json_schema(SCHEMA)
    assert again is not grammar and makes == [SCHEMA]
    assert (again.name, again.ignored, again.schema) == ("Order ü", ("/x-note",), SCHEMA)
    assert again.matches(GOOD) and not again.matches(BAD)
    for field in dataclasses.fields(Program):
        mine, theirs = getattr(grammar.program, field.name), getattr(again.program, field.name)
        assert np.array_equal(mine, theirs) and getattr(mine, "dtype", None) == getattr(theirs, "dtype", None)
    assert pickle.loads(pickle.dumps(again)).matches(GOOD)
    with np.load(file, allow_pickle=False) as stored:
        assert set(stored) == {"about", *(field.name for field in dataclasses.fields(Program))}


def test_every_program_comes_back(folder: Path) -> None:
    schemas = [SCHEMA, {}, {"type": "array", "items": {"$ref": "#"}}, {"minLength": 3}, {"contains": {"const": "é"}},
               {"minItems": 2, "type": "array"}, {"const": None}, {"format": "email", "title": "\ud800"},
               {"pattern": "^a{2,50}$", "maxProperties": 3, "uniqueItems": False, "x": 1}]  # fmt: skip
    for i, schema in enumerate(schemas):
        grammar = json_schema(schema, cache=False)
        path = folder / f"{i}.npz"
        assert compiled.cache_folder("grammars") == folder
        assert compiled.save(path, "digest", grammar)
        found = compiled.load(path, "digest")
        assert found is not None and found[1:] == (grammar.name, grammar.ignored)
        assert compiled.load(path, "another") is None


def test_what_is_quick_to_compile_is_not_stored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "SLOW", 1e9)
    assert json_schema(SCHEMA).matches(GOOD)
    assert json_schema({"const": 1}, cache=False) and files(folder) == []


def spoiled(data: bytes) -> list[bytes]:
    middle = len(data) // 2
    buffer = io.BytesIO()
    np.savez(buffer, start=np.array(0, np.int32), about=np.frombuffer(b"{}", np.uint8))
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], object), allow_pickle=True)
    flipped = bytearray(data)
    flipped[middle] ^= 0xFF
    return [b"", b"no zip file", data[:middle], bytes(flipped), buffer.getvalue(), objects.getvalue(), data[1000:]]


@pytest.mark.parametrize("which", range(7))
def test_damaged_and_foreign_files(folder: Path, which: int, makes: list[Any]) -> None:
    json_schema(SCHEMA)
    (file,) = files(folder)
    good = file.read_bytes()
    file.write_bytes(spoiled(good)[which])
    compiled.kept.clear()
    assert json_schema(SCHEMA).matches(GOOD) and len(makes) == 2
    compiled.kept.clear()
    assert json_schema(SCHEMA).matches(GOOD) and len(makes) == 2  # it was written anew


def changed(name: str, change: Any) -> Any:
    def apply(arrays: dict[str, Any]) -> None:
        arrays[name] = change(arrays[name].copy())

    return apply


def put(array: Any, value: int) -> Any:
    array.reshape(-1)[-1] = value
    return array


def test_the_folder_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        json_schema({"const": i})
        newest = max(files(folder), key=lambda f: f.stat().st_mtime_ns)
        os.utime(newest, ns=(i * 10**9, i * 10**9))
    compiled.kept.clear()
    json_schema({"const": 0})  # the oldest one is used, so it is the newest
    size = max(file.stat().st_size for file in files(folder))
    monkeypatch.setattr(compiled, "MAX_BYTES", 4 * size)
    assert json_schema({"const": 6}) and len(files(folder)) <= 4
    compiled.kept.clear()
    left = {file.name for file in files(folder)}
    json_schema({"const": 0})
    assert {file.name for file in files(folder)} == left
    json_schema({"const": 1})
    assert {file.name for file in files(folder)} != left


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(compiled, "SLOW", 0.0)
    for place in ("", str(tmp_path / "file")):
        monkeypatch.setenv("BYTEBOUND_CACHE_DIR", place)
        compiled.kept.clear()
        assert json_schema(SCHEMA).matches(GOOD)


def test_another_process_reads_it(folder: Path) -> None:
    code = (
        "import sys, json\nfrom bytebound.grammars import compiled, json_schema\n"
        "from bytebound.grammars.schema import compiler\n"
        "def no(*a): raise SystemExit('compiled')\n"
        "if sys.argv[2] == 'read': compiler.compile_document = no\n"
        "compiled.SLOW = 0.0; print(json_schema(sys.argv[1]).matches(sys.argv[3]))"
    )
    for step in ("write", "read"):
        command = [sys.executable, "-c", code, json.dumps(SCHEMA), step, GOOD]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "True\n" and len(files(folder)) == 1


def test_the_sources_are_part_of_the_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    json_schema(SCHEMA)
    compiled.kept.clear()
    compiled._environment.cache_clear()
    monkeypatch.setattr(compiled, "FORMAT", -1)
    try:
        json_schema(SCHEMA)
        assert len(files(folder)) == 2
    finally:
        compiled._environment.cache_clear()


def test_threads(folder: Path) -> None:
    schemas = [SCHEMA, {"type": "array", "items": {"$ref": "#"}, "maxItems": 40}, {"minLength": 2, "type": "string"}]
    texts = [[GOOD, BAD], ["[[], [[]], []]", "[1]"], ['"ab"', '"a"']]
    barrier = threading.Barrier(8)
    grammars: list[list[Any]] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait()
            mine = [json_schema(schema) for schema in schemas]
            grammars.append(mine)
            for _ in range(20):
                for grammar, (good, bad) in zip(mine, texts, strict=True):
                    assert grammar.matches(good) and not grammar.matches(bad)
                    state = grammar.automaton.advance(grammar.automaton.start, good.encode())
                    assert grammar.automaton.is_accepting(state)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and len(grammars) == 8
    for same in zip(*grammars, strict=True):
        assert len({id(grammar) for grammar in same}) == 1
    assert len(files(folder)) == 3 and not list(folder.glob("*.part"))
