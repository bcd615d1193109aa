"""Every script in examples/ runs, and prints what it promises."""

from __future__ import annotations

import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

PRINTED = {
    "molecules.py": r"(\d\.\d{3} [CNOcno()=#123]{4,20}\n){1,4}evidence e\^-[\d.]+, \d+ tests\n",
    "python_code.py": r"(\d\.\d{3} \{['\"].*\}\n){1,4}evidence e\^-[\d.]+, \d+ deaths, \d+ tests\n",
    "any_prompt_end.py": r"cut tokens: .*\nbytes:      .The weather in Lisbon.*\n(1\d? (January|June|July) \d{4}\n){3}",
    "steered_bytes.py": r"without e: '[^e]*', .*\nacrostic: 'C.*\\nA.*\\nT.*\n40 bytes: '.{40}', .*\nvalid UTF-8: .*\n",
    "person_json.py": r"Person\(name='.*', age=\d+, email='.*', city='.*'\)\n",
    "regex_dates.py": r"(\d\d [A-Z][a-z]+ \d{4}\n){5}",
    "sql_critic.py": r"(\d\.\d{3} SELECT .* FROM \w+.*\n){4}evidence e\^-[\d.]+, \d+ deaths\n",
    "stream_partial.py": r"0 of 4 fields: Book\(title=None.*\n(.*\n)*4 of 4 fields: Book\(title='.*\n",
    "per_row_grammars.py": r"Write a product as JSON:\n\{(.|\n)*\n\nQ.*\nAnswer: (Yes|No)\.\n\nQ.*\nAnswer:(.|\n)*",
    "tool_calls.py": r"call find_person with \{'name': '.*', 'age': (\d+|None)\}\nreply \{(.|\n)*\}\n",
    "vllm_batch.py": r"person 0: \{.*\}\nquery 0: .*\nyear 0:  \d{4}\nanswer 0:  (Yes|No)\.\n64 of 64 .* complete\n",
    "trigger.py": r"(.|\n)*(User\(id=\d+, username='.*', email='.*'\)|the trigger did not come.*)\n",
}
# What an example needs: a checker of the extra `test`; or Ray, beside vLLM.
NEEDED = {"molecules.py": "partialsmiles", "vllm_batch.py": "ray"}


def test_the_list_is_complete() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_example(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if name in NEEDED:
        pytest.importorskip(NEEDED[name], reason=f"this example needs {NEEDED[name]}, which is not installed")
    monkeypatch.setattr(sys, "argv", [name])
    with warnings.catch_warnings():
        if name == "vllm_batch.py":  # Ray and vLLM warn about themselves
            warnings.simplefilter("ignore")
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr().out
    assert re.fullmatch(PRINTED[name], printed), printed
