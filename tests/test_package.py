"""The package as it is installed: every subpackage and data file in the wheel, sorted exports, README that runs."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = ("grammars", "decoding", "integrations")


def packages_in_tree() -> set[str]:
    return {
        "bytebound." + ".".join(path.parent.relative_to(ROOT).parts)
        for top in TOP
        for path in (ROOT / top).rglob("__init__.py")
    }


def test_every_subpackage_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert declared == sorted(packages_in_tree())


def test_the_wheel_holds_every_module_and_data_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    tracked = subprocess.run(["git", "ls-files", *TOP], cwd=ROOT, capture_output=True, text=True, check=False)
    names = tracked.stdout.split() if tracked.returncode == 0 else []
    files = [Path(name) for name in names] or [
        path.relative_to(ROOT) for top in TOP for path in (ROOT / top).rglob("*") if path.is_file()
    ]
    wanted = {f"bytebound/{path.as_posix()}" for path in files if path.suffix not in (".pyc", ".nbi", ".nbc")}
    assert wanted - held == set()
    assert {f"bytebound/{top}/py.typed" for top in TOP} <= held
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in held)


@pytest.mark.parametrize("name", ["grammars", "decoding", "integrations.models", "integrations.transformers"])
def test_exports_are_sorted_and_described(name: str) -> None:
    module = importlib.import_module(f"bytebound.{name}")
    capitals = [n for n in module.__all__ if n.isupper()]
    classes = [n for n in module.__all__ if not n.isupper() and n[0].isupper()]
    functions = [n for n in module.__all__ if n[0].islower()]
    assert module.__all__ == sorted(capitals) + sorted(classes) + sorted(functions)
    for exported in module.__all__:
        thing = getattr(module, exported)
        assert inspect.getdoc(thing) or isinstance(thing, int), exported
        for attribute, method in vars(thing).items() if inspect.isclass(thing) else ():
            if not attribute.startswith("_") and (inspect.isroutine(method) or isinstance(method, property)):
                assert inspect.getdoc(getattr(thing, attribute)), f"{exported}.{attribute}"


def test_grammars_needs_no_torch() -> None:
    code = "import sys; from bytebound import grammars; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_module_is_long() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for top in TOP for path in (ROOT / top).rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 310} == {}


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_code_of_the_pages_runs(page: str) -> None:
    text = (ROOT / page).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks or page != "README.md"
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)
