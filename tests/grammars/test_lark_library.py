"""The ready grammars against judges: json, Python's parser, partialsmiles, Lark; and their masks, bit by bit."""

from __future__ import annotations

import ast
import json
import lzma
import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import lark as reference
import numpy as np
import partialsmiles
import pytest
from bytebound import grammars
from bytebound.decoding import Masker, Vocabulary
from bytebound.grammars.context_free.modules import library_text
from transformers import PreTrainedTokenizerFast

Sampler = Callable[[grammars.Grammar, random.Random, int], bytes]
Mutate = Callable[[str, random.Random, str], str]


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=int)  # no NaN
    except ValueError:
        return False
    return True


def test_json(sampler: Sampler, mutate: Mutate) -> None:
    grammar, rng = grammars.library("json"), random.Random(1)
    for _ in range(150):
        text = sampler(grammar, rng, rng.randrange(40)).decode()
        assert is_json(text), text
        for _ in range(10):
            near = mutate(text, rng, '{}[]",:0-1.eE+ tnu\\\t\x01')
            assert grammar.matches(near) == is_json(near), near
    assert grammar.matches('{"a": [1, {"b": "\\u00e9é"}], "c": null}')


def test_json_nests_deep() -> None:
    grammar = grammars.library("json")
    assert grammar.matches("[" * 10_000 + "]" * 10_000)
    assert grammar.matches('{"a":' * 10_000 + "1" + "}" * 10_000)


def test_python_compiles(sampler: Sampler) -> None:
    grammar, rng = grammars.library("python"), random.Random(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "1if x else y" is deprecated
        for _ in range(300):
            text = sampler(grammar, rng, rng.randrange(50)).decode()
            ast.parse(text.lstrip(" \t"))


@pytest.mark.parametrize(
    "text",
    [
        "x = y = f(a, b=1)[2:3, ...].c",
        "lambda x, y: x if not y else [z for z in x if z > 1 if z]",
        "x not in y is not None",
        "a + -b ** ~c // d @ e",
        "return {1: 'a', \"b\": {1, 2}}, (), (3,)",
        "import a.b as c, d; from e import f",
        "assert x, 'no'; del x[0], y.z; pass;",
        "n: int = 0x1f; n <<= 2",
    ],
)
def test_python_that_people_write(text: str) -> None:
    ast.parse(text)
    assert grammars.library("python").matches(text)


@pytest.mark.parametrize(
    "text", ["x = = y", "if = 1", "notx y", "x ifa else b", "f(a=1, b)", "class", "1 = x", "'a", "012"]
)
def test_no_python(text: str) -> None:
    with pytest.raises(SyntaxError):
        ast.parse(text)
    assert not grammars.library("python").matches(text)


def test_python_against_larks_standard_lexer(sampler: Sampler, mutate: Mutate) -> None:
    grammar, rng = grammars.library("python"), random.Random(3)
    text = library_text("python").replace('RESERVED: "async"', 'RESERVED.1: "async"')
    parser = reference.Lark(text, parser="earley", lexer="basic")
    count = 0
    for _ in range(60):
        sampled = sampler(grammar, rng, rng.randrange(25)).decode()
        for candidate in (sampled, mutate(sampled, rng, "ifnot()[]:=,.1 x'")):
            try:
                parser.parse(candidate)
                expected = True
            except reference.exceptions.LarkError:
                expected = False
            assert grammar.matches(candidate) == expected, candidate
            count += expected
    assert count > 60


def test_arithmetic(sampler: Sampler, mutate: Mutate) -> None:
    grammar, rng = grammars.library("arithmetic"), random.Random(4)
    parser = reference.Lark(library_text("arithmetic"), parser="earley", lexer="dynamic_complete")
    for _ in range(25):
        sampled = sampler(grammar, rng, rng.randrange(12)).decode()
        for text in (sampled, mutate(sampled, rng, "+-*/^()1.ex ")):
            try:
                parser.parse(text)
                expected = True
            except reference.exceptions.LarkError:
                expected = False
            assert grammar.matches(text) == expected, text


MOLECULES = (
    "C CC(=O)Oc1ccccc1C(=O)O CN1C=NC2=C1C(=O)N(C(=O)N2C)C N[C@@H](C)C(=O)O [Na+].[Cl-] C%12CCCCC%12 F/C=C/F [13CH4] "
    "c1cc[nH]c1 CC(C)Cc1ccc(cc1)C(C)C(=O)O C#N [O-][N+](=O)c1ccccc1 [Fe+2] O=C=O *C [CH3:1]Br"
)


@pytest.mark.parametrize("text", MOLECULES.split())
def test_smiles_that_people_write(text: str) -> None:
    assert grammars.library("smiles").matches(text)


@pytest.mark.parametrize("text", ["", "C(", "C)", "C=", "[C", "C..C", "Xx", "C1CC(=)C", "[]"])
def test_no_smiles(text: str) -> None:
    assert not grammars.library("smiles").matches(text)


def test_smiles_are_read_by_partialsmiles(sampler: Sampler) -> None:
    """It reads every text up to what the grammar leaves open, and what it does not know itself."""
    grammar, rng = grammars.library("smiles"), random.Random(5)
    left_open = "ring opening|same atom|bond between the same|final branch|Aromatic bond symbols"
    read = 0
    for _ in range(250):
        text = re.sub(r":\d+\]", "]", sampler(grammar, rng, rng.randrange(20)).decode())  # no atom classes
        try:
            partialsmiles.ParseSmiles(text, partial=False)
            read += 1
        except partialsmiles.SMILESSyntaxError as error:
            unknown = re.search(r"\[\d*as|\(\.", text)  # aromatic arsenic, a dot that begins a branch
            assert unknown or re.search(left_open, str(error)), (text, error)
        except (partialsmiles.ValenceError, partialsmiles.KekulizationFailure):
            read += 1
    assert read > 50


@pytest.mark.parametrize("name", ["python", "arithmetic"])
def test_masks_over_a_real_vocabulary(shared: Path, tmp_path: Path, name: str) -> None:
    packed = (shared / "tokenizers" / "gpt2" / "tokenizer.json.xz").read_bytes()
    (tmp_path / "tokenizer.json").write_bytes(lzma.decompress(packed))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary.from_tokenizer(tokenizer, eos_token_ids=[50256])
    masker = Masker(grammars.library(name), vocabulary)
    other = grammars.library(name).automaton  # an engine of its own
    tokens = [vocabulary.token_bytes(i) for i in range(vocabulary.size)]
    state, text, checked = masker.start, b"", 0
    row = np.empty(masker.words, np.uint32)
    for token in tokenizer.encode(
        "total = 3 * (x1 + ( y - 2.5)) / f( g(a), 0x10 )".replace("= 3", "- 3" if name != "python" else "= 3")
    ):
        place = other.advance(other.start, text)
        masker.fill(state, row)
        bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: vocabulary.size].astype(bool)
        sample = np.random.default_rng(checked).choice(vocabulary.size, 4000, replace=False)
        for i in sample.tolist():
            expected = other.advance(place, tokens[i]) >= 0 if tokens[i] else i == 50256 and other.is_accepting(place)
            assert bits[i] == expected, (text, tokens[i])
        state, text, checked = masker.accept(state, token), text + tokens[token], checked + 1
        if state < 0:
            break
    assert checked > 10
