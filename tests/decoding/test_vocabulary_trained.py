"""Vocabularies of tokenizers trained here: SentencePiece's spelling and the byte-level one, with added tokens."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import transformers
from bytebound.decoding.vocabulary import Vocabulary
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

LICENCE = (Path(__file__).resolve().parents[2] / "LICENSE").read_text(encoding="utf-8").splitlines()
CORPUS = [*(line.strip() for line in LICENCE if line.strip()), *["naïve café, größer, Ünïcödé 日本語 😀"] * 20]
TEXTS = [*CORPUS[:40], CORPUS[-1], "  two  spaces ", "tab\there\n\nlines", "unseen: ✓ ♞ 漢字 \U0001f9ea \x01\x07 {}"]
BYTE_TOKENS = [f"<0x{b:02X}>" for b in range(256)]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEBOUND_CACHE_DIR", str(tmp_path / "cache"))


def with_byte_tokens(backend: Tokenizer) -> Tokenizer:
    """Put <unk>, <s>, </s> and the byte tokens before a trained BPE vocabulary and turn byte fallback on."""
    state = json.loads(backend.to_str())
    trained = sorted(state["model"]["vocab"], key=state["model"]["vocab"].__getitem__)
    names = ["<unk>", "<s>", "</s>", *BYTE_TOKENS, *trained]
    state["model"]["vocab"] = {name: i for i, name in enumerate(names)}
    state["model"].update(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    return Tokenizer.from_str(json.dumps(state))


def sentencepiece_style(style: str) -> Any:
    """BPE in SentencePiece's spelling: "llama" (prefix by normalizer), "gemma" (no prefix) or "metaspace"."""
    backend = Tokenizer(models.BPE())
    text = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    spaces = normalizers.Replace(" ", "▁")
    if style == "metaspace":
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    elif style == "gemma":
        backend.normalizer, backend.decoder = spaces, decoders.Sequence(text)
    else:
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
        backend.decoder = decoders.Sequence([*text, decoders.Strip(" ", 1, 0)])
    backend.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=600, show_progress=False))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=with_byte_tokens(backend), unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def check_decoding(vocabulary: Vocabulary, before: list[int], decode: Callable[[list[int]], str]) -> None:
    """10,000 random token strings decode to their bytes; behind an x, so that no dummy prefix is dropped."""
    rng = np.random.default_rng(0)
    ids = np.flatnonzero(np.diff(vocabulary.offsets))
    faithful = 0
    for length in rng.integers(1, 9, 10_000):
        string = rng.choice(ids, length).tolist()
        try:
            text = vocabulary.text(string).decode()
        except UnicodeDecodeError:
            continue
        faithful += 1
        assert decode(before + string) == "x" + text
    assert faithful > 3_000


def fast_decode(tokenizer: Any) -> Callable[[list[int]], str]:
    return lambda ids: str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def check_encoding(vocabulary: Vocabulary, encode: Callable[[str], list[int]], prefix: bytes = b"") -> None:
    for text in TEXTS:
        assert vocabulary.text(encode(text)) == prefix + text.encode()


@pytest.mark.parametrize("style", ["llama", "gemma", "metaspace"])
def test_sentencepiece_style_bpe(style: str) -> None:
    tokenizer = sentencepiece_style(style)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert np.flatnonzero(vocabulary.special).tolist() == [0, 1, 2] and vocabulary.eos_token_ids == (2,)
    assert [vocabulary.token_bytes(3 + b) for b in range(256)] == [bytes([b]) for b in range(256)]
    letter = tokenizer.convert_tokens_to_ids("A")
    assert letter >= 259 and vocabulary.byte_tokens[ord("A")] == letter and vocabulary.byte_tokens[0xFF] == 3 + 0xFF
    before = tokenizer.encode("x", add_special_tokens=False)
    # Metaspace decodes byte tokens as the text <0x41>, and a text that begins with a space has no prefix added.
    if style == "metaspace":
        texts = [t for t in TEXTS if not t.startswith(" ")]
        encoded = [vocabulary.text(tokenizer.encode(t, add_special_tokens=False)) for t in texts]
        assert encoded == [b" " + t.encode() for t in texts]
    else:
        check_decoding(vocabulary, before, fast_decode(tokenizer))
        prefix = b" " if style == "llama" else b""
        check_encoding(vocabulary, lambda s: tokenizer.encode(s, add_special_tokens=False), prefix)


def test_added_tokens_of_a_sentencepiece_style_model() -> None:
    tokenizer = sentencepiece_style("gemma")
    own = tokenizer.convert_tokens_to_ids("▁the")
    tokenizer.add_tokens([AddedToken("▁the", normalized=False), AddedToken("new▁one", normalized=False)])
    tokenizer.add_tokens([AddedToken("<control>", special=True)], special_tokens=True)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert tokenizer.convert_tokens_to_ids("▁the") == own
    assert vocabulary.token_bytes(own) == b" the"  # the model's own piece, though it is listed as added too
    assert vocabulary.token_bytes(tokenizer.convert_tokens_to_ids("new▁one")) == "new▁one".encode()
    control = tokenizer.convert_tokens_to_ids("<control>")
    assert vocabulary.special[control] and vocabulary.token_bytes(control) == b""


def test_byte_tokens_are_text_without_byte_fallback() -> None:
    backend = Tokenizer(models.BPE({"<0x41>": 0, "a": 1, "<unk>": 2}, [], unk_token="<unk>"))
    backend.decoder = decoders.Fuse()
    vocabulary = Vocabulary.from_tokenizer(backend)
    assert [vocabulary.token_bytes(i) for i in range(3)] == [b"<0x41>", b"a", b""]
    assert vocabulary.special.tolist() == [False, False, True]


def test_byte_token_spellings() -> None:
    names = ["<0x0a>", "<0x0A>", "<0xA>", "<0x0AA>", "<0xZZ>", "<0x0A> "]
    backend = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, [], byte_fallback=True))
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    vocabulary = Vocabulary.from_tokenizer(backend)
    expected = [b"\n", b"\n", b"<0xA>", b"<0x0AA>", b"<0xZZ>", b"<0x0A> "]
    assert [vocabulary.token_bytes(i) for i in range(len(names))] == expected


@pytest.mark.parametrize("byte_fallback", [True, False])
def test_unigram(byte_fallback: bool) -> None:
    text = [("▁", -2.0), ("▁a", -3.0), ("bé", -4.0), ("x", -5.0)]
    pieces = [("<unk>", 0.0), *((name, -20.0) for name in BYTE_TOKENS), *text]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=byte_fallback))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    vocabulary = Vocabulary.from_tokenizer(backend)
    assert [vocabulary.token_bytes(i) for i in (0, 257, 258, 259, 260)] == [b"", b" ", b" a", "bé".encode(), b"x"]
    assert vocabulary.token_bytes(1 + 0x41) == (b"A" if byte_fallback else b"<0x41>")
    assert vocabulary.special[0]
    if byte_fallback:
        assert vocabulary.text(backend.encode("a xzbé").ids) == " a xzbé".encode()


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_sentencepiece_library(kind: str, tmp_path: Path) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3),
        model_writer=model,
        model_type=kind,
        vocab_size=520,
        byte_fallback=True,
        hard_vocab_limit=False,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<tool>", "▁▁"],
        control_symbols=["<control>"],
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    vocabulary = Vocabulary.from_tokenizer(processor)
    control = [processor.piece_to_id(p) for p in ("<unk>", "<s>", "</s>", "<control>")]
    assert sorted(control) == np.flatnonzero(vocabulary.special).tolist()
    assert vocabulary.eos_token_ids == (processor.eos_id(),)
    assert vocabulary.token_bytes(processor.piece_to_id("<tool>")) == b"<tool>"
    assert vocabulary.token_bytes(processor.piece_to_id("▁▁")) == b"  "
    check_decoding(vocabulary, processor.encode("x"), processor.decode)
    check_encoding(vocabulary, processor.encode, b" ")

    path = tmp_path / "spiece.model"
    path.write_bytes(model.getvalue())
    slow = transformers.BertGenerationTokenizer(str(path))
    slow.add_tokens(["▁added text"])
    through = Vocabulary.from_tokenizer(slow)
    assert len(slow) == through.size and through.eos_token_ids == vocabulary.eos_token_ids
    ids = [i for i in range(vocabulary.size) if not through.special[i]]
    assert [through.token_bytes(i) for i in ids] == [vocabulary.token_bytes(i) for i in ids]
    assert through.special[control].all()
    assert through.token_bytes(slow.convert_tokens_to_ids("▁added text")) == "▁added text".encode()


def test_byte_level() -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>")
    plain = Vocabulary.from_tokenizer(tokenizer)
    check_decoding(plain, tokenizer.encode("x"), fast_decode(tokenizer))
    check_encoding(plain, tokenizer.encode)
    assert plain.eos_token_ids == (tokenizer.eos_token_id,)
    assert np.flatnonzero(plain.special).tolist() == [tokenizer.eos_token_id, tokenizer.pad_token_id]
    # Added tokens are text as it stands, although ñ and Ġ are also names of bytes; decode gets these wrong.
    added = ["señor", "Ġword", "<think>", "two words", "日本"]
    tokenizer.add_tokens(added)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    for content in added:
        (i,) = tokenizer.encode(content)
        assert vocabulary.token_bytes(i) == content.encode() and not vocabulary.special[i]
    assert vocabulary.text(tokenizer.encode("a señor says Ġword <think> two words 日本!")) == (
        "a señor says Ġword <think> two words 日本!".encode()
    )


def test_byte_level_string_outside_the_table_is_text() -> None:
    # The model's byte_fallback is of no meaning here: no byte is without a token, and <0x41> is decoded as it stands.
    backend = Tokenizer(models.BPE({"Ġa": 0, "日Ġ": 1, "Ã©": 2, "<0x41>": 3}, [], byte_fallback=True))
    backend.decoder = decoders.ByteLevel()
    vocabulary = Vocabulary.from_tokenizer(backend)
    assert [vocabulary.token_bytes(i) for i in range(4)] == [b" a", "日Ġ".encode(), "é".encode(), b"<0x41>"]
    assert [backend.decode([i]) for i in range(4)] == [" a", "日Ġ", "é", "<0x41>"]


def test_byte_level_without_a_decoder() -> None:
    backend = Tokenizer(models.BPE({"Ġa": 0}, []))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel()])
    assert Vocabulary.from_tokenizer(backend).token_bytes(0) == b" a"


def test_id_gaps_inside_the_model() -> None:
    backend = Tokenizer(models.BPE({"a": 0, "b": 7, "c": 3}, []))
    backend.decoder = decoders.Fuse()
    vocabulary = Vocabulary.from_tokenizer(backend)
    assert vocabulary.size == 8
    assert [vocabulary.token_bytes(i) for i in range(8)] == [b"a", b"", b"", b"c", b"", b"", b"", b"b"]
    assert not vocabulary.special.any()
