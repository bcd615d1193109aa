"""The two tokenizers of the shipped models, of different kinds, trained on the generated corpus.

`byte_level` is byte-level BPE in the manner of GPT-2 (Radford et al., 2019): a regex split, then BPE over an alphabet
of all 256 bytes.  `pieces` is BPE with byte fallback as SentencePiece writes it and Llama-2 uses it (Kudo and
Richardson, 2018; Touvron et al., 2023): spaces are `▁`, a first `▁` is prepended, unknown characters become `<0xNN>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

# contractions, words with one leading space, numbers of at most two digits, punctuation, line ends, other white space
_BYTE_LEVEL_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+|[ \t]*[\r\n]+|\s+(?!\S)|\s+"
# what a piece may span: `▁` and a word, a digit, `▁` and punctuation, a run of `▁`
_PIECE_SPLIT = r"▁+(?=▁)|▁?\p{L}+|\p{N}|▁?[^\s\p{L}\p{N}▁]+|▁|\s"


def _fast(tokenizer: Tokenizer, **special: Any) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        **special,
    )


def byte_level(texts: Iterable[str], size: int = 4096) -> PreTrainedTokenizerFast:
    """Byte-level BPE with `size` tokens, `<|endoftext|>` = 0 and `<|pad|>` = 1 among them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_BYTE_LEVEL_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>", "<|pad|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _fast(tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<|pad|>")


def pieces(texts: Iterable[str], size: int = 2048) -> PreTrainedTokenizerFast:
    """BPE with byte fallback and `size` tokens: `<unk>` `<s>` `</s>` `<pad>` = 0..3, `<0x00>` to `<0xFF>` = 4..259."""
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECE_SPLIT), "isolated")
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special + [f"<0x{byte:02X}>" for byte in range(256)],
        limit_alphabet=130,
        initial_alphabet=["▁"] + [chr(code) for code in range(33, 127)],
        show_progress=False,
    )
    # line ends are left to byte fallback, as SentencePiece leaves them
    learner.train_from_iterator((text.replace("\n", " ") for text in texts), trainer)
    learned = _model_of(learner)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=learned["vocab"],
            merges=[tuple(pair) for pair in learned["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = learner.normalizer
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0),
    ])  # fmt: skip
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", learned["vocab"]["<s>"])]
    )
    tokenizer.add_special_tokens(special)
    return _fast(tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def _model_of(tokenizer: Tokenizer) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model
