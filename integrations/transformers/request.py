"""A prompt made ready for `generate` under a grammar, and its outputs made ready for the caller."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from ...decoding import DecodingError
from ...grammars import Grammar
from .constraint import control_token, to_grammar, vocabulary_of
from .processor import constrain
from .prompts import batch, encode, room


class Request:
    """One call of `generate`: its keyword arguments, and what is known of its outputs.

    Args:
        prompt: text, a chat (a list of messages) or token ids; or a list of these.
        grammar: as in `constrain`.
        max_new_tokens: budget, cut to what the model's context has room for.
        arguments: the caller's own for `generate`.

    Raises CannotClose where the prompt and the shortest text of the grammar do not fit, and what `constrain` raises.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        grammar: Any,
        prompt: Any,
        max_new_tokens: int,
        trigger: str | bytes | None,
        arguments: dict[str, Any],
    ) -> None:
        self.prompts, self.single = batch(prompt)
        entries = list(grammar) if isinstance(grammar, list | tuple) else [grammar]
        compiled = [None if entry is None else to_grammar(entry) for entry in entries]
        self.grammars: list[Grammar | None] = compiled if len(compiled) > 1 else compiled * len(self.prompts)
        if len(self.grammars) != len(self.prompts):
            raise DecodingError(f"{len(entries)} grammars were given for {len(self.prompts)} prompts")
        config = arguments.get("generation_config") or model.generation_config
        eos = arguments.get("eos_token_id", getattr(config, "eos_token_id", None))
        self.vocabulary = vocabulary_of(tokenizer, eos)
        self.trigger = trigger
        self._trigger_token = None if trigger is None else control_token(tokenizer, self.vocabulary, trigger)
        pad = tokenizer.pad_token_id
        if pad is None:
            pad = next(iter(self.vocabulary.eos_token_ids), 0)
        ids, attention = _pad_left([encode(tokenizer, p) for p in self.prompts], pad)
        decoder_only = not model.config.is_encoder_decoder
        self.length = ids.shape[1] if decoder_only else 1  # of what precedes the answer in the output
        self.budget = min(max_new_tokens, room(model, self.length)) if decoder_only else max_new_tokens
        alike = self.grammars[0] is not None and len(set(map(id, self.grammars))) == 1
        each = self.grammars[0] if alike else self.grammars
        processor = constrain(tokenizer, each, max_new_tokens=self.budget, trigger=trigger, vocabulary=self.vocabulary)
        needs_tokenizer = {"tokenizer": tokenizer} if arguments.get("stop_strings") else {}
        self.arguments: dict[str, Any] = {
            **needs_tokenizer,
            "pad_token_id": pad,
            **arguments,
            "input_ids": ids.to(model.device),
            "attention_mask": attention.to(model.device),
            "max_new_tokens": self.budget,
            "logits_processor": [processor, *arguments.get("logits_processor", [])],
        }

    def answers(self, output: Any) -> list[list[bytes | None]]:
        """For each prompt the texts generated for it, the part after the trigger where there is one.

        None stands for a text in which the trigger does not appear. Raises DecodingError for a text that is not
        complete, which happens where something else than the budget has stopped it.
        """
        rows = getattr(output, "sequences", output)[:, self.length :].tolist()
        each = len(rows) // len(self.prompts)
        groups: list[list[bytes | None]] = [[] for _ in self.prompts]
        for i, row in enumerate(rows):
            answer = self.answer(row)
            grammar = self.grammars[i // each]
            if answer is not None and grammar is not None and not grammar.matches(answer):
                raise DecodingError(
                    f"the generated text {answer[:200]!r} is not complete: a stopping criterion has ended it, or "
                    "there were more sequences to return than the grammar has texts"
                )
            groups[i // each].append(answer)
        return groups

    def answer(self, tokens: Sequence[int]) -> bytes | None:
        """Bytes of the tokens up to EOS, after the trigger where there is one; None where that does not appear."""
        end = next((i for i, token in enumerate(tokens) if token in self.vocabulary.eos_token_ids), len(tokens))
        tokens = tokens[:end]
        if self._trigger_token is not None:
            if self._trigger_token not in tokens:
                return None
            tokens = tokens[tokens.index(self._trigger_token) + 1 :]
        text = self.vocabulary.text(token for token in tokens if token < self.vocabulary.size)
        if self.trigger is None or self._trigger_token is not None:
            return text
        mark = self.trigger.encode() if isinstance(self.trigger, str) else self.trigger
        _, found, rest = text.partition(mark)
        return rest if found else None


def parse(grammar: Grammar | None, answer: bytes) -> Any:
    """The object that a JSON text stands for: of the grammar's pydantic class, or plain."""
    if grammar is not None and grammar.model is not None:
        return grammar.model.model_validate_json(answer)
    return json.loads(answer)


def _pad_left(rows: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, int64 [prompts, length]."""
    length = max(map(len, rows))
    ids = torch.tensor([[pad] * (length - len(row)) + row for row in rows])
    attention = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    return ids, attention
