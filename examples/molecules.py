"""Molecules: a parser of somebody else's says which prefixes of a SMILES string can still be completed."""

from __future__ import annotations

import partialsmiles
from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import posterior


def parses(smiles: str, partial: bool) -> bool:
    """Whether the syntax, valences and aromatic rings are right, as far as they go."""
    try:
        partialsmiles.ParseSmiles(smiles, partial=partial)
    except partialsmiles.Error:
        return False
    return True


molecule = grammars.predicate(lambda s: parses(s, True), complete=lambda s: parses(s, False), text=True, name="SMILES")
assert molecule.matches("CC(=O)Oc1ccccc1C(=O)O") and not molecule.matches("CC(=O") and not molecule.matches("CO(C)C")

small = molecule & grammars.regex(r"[CNOcno()=#123]{4,20}")  # the parser is asked only about what the regex allows
model, tokenizer = models.load("small-bytes")  # it has never seen a molecule: a model of SMILES does better
result = posterior(model, tokenizer, "SMILES: ", small, particles=20, max_new_tokens=20)
for smiles, share in list(result.probabilities().items())[:4]:
    print(f"{share:.3f} {smiles}")
print(f"evidence e^{result.log_evidence:.1f}, {result.evaluations} tests")
