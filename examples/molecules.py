"""Molecules: a parser of somebody else's says which prefixes of a SMILES string can still be completed."""

from __future__ import annotations

import numpy as np
import partialsmiles
from bytebound import decoding, grammars
from bytebound.integrations import models


def parses(smiles: str, partial: bool) -> bool:
    """Whether the syntax, valences and aromatic rings are right, as far as they go."""
    try:
        partialsmiles.ParseSmiles(smiles, partial=partial)
    except partialsmiles.Error:
        return False
    return True


molecule = grammars.predicate(lambda s: parses(s, True), complete=lambda s: parses(s, False), text=True, name="SMILES")
assert molecule.matches("CC(=O)Oc1ccccc1C(=O)O") and not molecule.matches("CC(=O") and not molecule.matches("CO(C)C")

small = molecule & grammars.regex(r"[CNOcno()=#123]{8,20}")
vocabulary = decoding.Vocabulary.from_tokenizer(models.load("small-bytes")[1])
tester = decoding.tester(small, vocabulary)  # asks the parser only about what the regex allows

rng = np.random.default_rng(1)
found = 0
while found < 5:
    state, ids = tester.start, []
    while state >= 0:
        # To end, or else at random. With a model, posterior() samples in its place, each with the right weight.
        proposals = np.append(vocabulary.eos_token_ids, rng.permutation(vocabulary.size))
        place = tester.first(np.array([state]), proposals[None])[0]
        if place == len(proposals):
            break  # too long to be completed: a dead end that only both constraints together have
        ids.append(int(proposals[place]))
        state = tester.accept(state, ids[-1])
    if state == decoding.Masker.finished:
        found += 1
        print(vocabulary.text(ids).decode())
print(tester.testers[1].evaluations, "prefixes parsed")  # testers: the regex first, then the predicate
