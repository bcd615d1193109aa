"""Every script in examples/ runs, and prints what it promises."""

from __future__ import annotations

import re
import runpy
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
    "trigger.py": r"(.|\n)*(User\(id=\d+, username='.*', email='.*'\)|the trigger did not come.*)\n",
}
# Checkers of others that an example needs: modules of the extra `test`.
NEEDED = {"molecules.py": "partialsmiles"}


def test_the_list_is_complete() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name in NEEDED:
        pytest.importorskip(NEEDED[name], reason=f"this example needs {NEEDED[name]}, which is not installed")
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr().out
    assert re.fullmatch(PRINTED[name], printed), printed
