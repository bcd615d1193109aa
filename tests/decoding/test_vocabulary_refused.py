"""Tokenizers written in Python, and the refusal, by name, of those whose tokens have no exact bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from bytebound.decoding.errors import UnsupportedTokenizer, VocabularyError
from bytebound.decoding.vocabulary import Vocabulary
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

TOKENS = {"a": 0, "b": 1, "▁ab": 2}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTEBOUND_CACHE_DIR", str(tmp_path / "cache"))


def with_decoder(decoder: Any, model: Any = None) -> Tokenizer:
    backend = Tokenizer(model or models.BPE(TOKENS, []))
    backend.decoder = decoder
    return backend


class CustomDecoder:
    def decode_chain(self, tokens: list[str]) -> list[str]:
        return tokens


REPLACE = decoders.Replace("▁", " ")
REFUSED = {
    "model WordPiece": with_decoder(decoders.WordPiece(), models.WordPiece({"[UNK]": 0, "##a": 1}, unk_token="[UNK]")),
    "model WordLevel": with_decoder(decoders.Fuse(), models.WordLevel({"a": 0}, unk_token="a")),
    "continuing_subword_prefix '##'": with_decoder(REPLACE, models.BPE(TOKENS, [], continuing_subword_prefix="##")),
    "end_of_word_suffix '</w>'": with_decoder(decoders.BPEDecoder(), models.BPE(TOKENS, [], end_of_word_suffix="</w>")),
    "decoder has {'type': 'BPEDecoder'": with_decoder(decoders.BPEDecoder()),
    "decoder has {'type': 'CTC'": with_decoder(decoders.CTC()),
    "decoder has {'type': 'WordPiece'": with_decoder(decoders.Sequence([REPLACE, decoders.WordPiece()])),
    "'pattern': {'Regex': '▁+'}": with_decoder(decoders.Replace(Regex("▁+"), " ")),
    "decoder has {'type': 'Strip'": with_decoder(decoders.Sequence([REPLACE, decoders.Strip(" ", 1, 0)])),
    "'start': 0, 'stop': 1": with_decoder(decoders.Sequence([REPLACE, decoders.Fuse(), decoders.Strip(" ", 0, 1)])),
    "'pattern': {'String': '▁a'}": with_decoder(decoders.Sequence([decoders.Fuse(), decoders.Replace("▁a", " ")])),
    "mixes ByteLevel with Replace": with_decoder(decoders.Sequence([decoders.ByteLevel(), REPLACE])),
    "its decoder is a custom one": with_decoder(decoders.Decoder.custom(CustomDecoder())),
    "has no decoder": Tokenizer(models.BPE(TOKENS, [])),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused(reason: str) -> None:
    backend = REFUSED[reason]
    with pytest.raises(UnsupportedTokenizer) as error:
        Vocabulary.from_tokenizer(backend)
    assert str(error.value).startswith("Tokenizer: ") and reason in str(error.value)


def test_no_decoder_and_another_pre_tokenizer() -> None:
    backend = Tokenizer(models.BPE(TOKENS, []))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(UnsupportedTokenizer, match="has no decoder"):
        Vocabulary.from_tokenizer(backend)


def test_accepted_decoders() -> None:
    one = decoders.Sequence([decoders.Fuse(), REPLACE])
    nested = decoders.Sequence([decoders.Sequence([REPLACE, decoders.Fuse()]), decoders.Strip(" ", 1, 0)])
    for decoder in (REPLACE, one, nested, decoders.Metaspace()):
        assert Vocabulary.from_tokenizer(with_decoder(decoder)).text([2, 0]) == b" aba"
    underscore = decoders.Metaspace(replacement="_")
    assert Vocabulary.from_tokenizer(with_decoder(underscore, models.BPE({"_a_": 0}, []))).token_bytes(0) == b" a "


def test_no_text_tokens() -> None:
    with pytest.raises(VocabularyError, match="LlamaTokenizer has no text tokens"):
        Vocabulary.from_tokenizer(transformers.LlamaTokenizer())


def test_bert_and_clip() -> None:
    words = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b"])}
    with pytest.raises(UnsupportedTokenizer, match=r"^BertTokenizer: its model WordPiece"):
        Vocabulary.from_tokenizer(transformers.BertTokenizer(vocab=words))
    with pytest.raises(UnsupportedTokenizer, match=r"^CLIPTokenizer: its model has end_of_word_suffix '</w>'"):
        Vocabulary.from_tokenizer(transformers.CLIPTokenizer())


def test_python_tokenizers_without_bytes(tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5}))
    with pytest.raises(UnsupportedTokenizer, match=r"^Wav2Vec2CTCTokenizer: .*neither a SentencePiece model nor"):
        Vocabulary.from_tokenizer(transformers.Wav2Vec2CTCTokenizer(str(path)))
    with pytest.raises(UnsupportedTokenizer, match=r"^CanineTokenizer: "):
        Vocabulary.from_tokenizer(transformers.CanineTokenizer())


def test_byt5() -> None:
    tokenizer = transformers.ByT5Tokenizer()
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.size == len(tokenizer) == 384 and vocabulary.eos_token_ids == (1,)
    assert vocabulary.byte_tokens.tolist() == list(range(3, 259))
    text = "naïve 日本\n\x00"
    assert vocabulary.text(tokenizer.encode(text)) == text.encode()


class PythonByteLevel(transformers.PreTrainedTokenizer):  # type: ignore[misc]
    """One token a byte, written as chr(byte + 256); capitals are lost where `lossy`."""

    def __init__(self, lossy: bool = False, strange: bool = False, **kwargs: Any) -> None:
        self.lossy, self.strange = lossy, strange
        self.byte_decoder = {chr(b + 256): b for b in range(256)}
        super().__init__(eos_token="<eos>", **kwargs)

    @property
    def vocab_size(self) -> int:
        return 256

    def get_vocab(self) -> dict[str, int]:
        return {chr(b + 256): b for b in range(256)} | self.added_tokens_encoder

    def _tokenize(self, text: str, **_: Any) -> list[str]:
        return [chr(b + 256) for b in (text.lower() if self.lossy else text).encode()]

    def _convert_token_to_id(self, token: str) -> int:
        return ord(token) - 256

    def _convert_id_to_token(self, index: int) -> str:
        return "?" if self.strange and index == 7 else chr(index + 256)


def test_python_byte_table() -> None:
    tokenizer = PythonByteLevel()
    tokenizer.add_tokens(["<think>"])
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.byte_tokens.tolist() == list(range(256))
    assert vocabulary.eos_token_ids == (tokenizer.eos_token_id,) and vocabulary.special[tokenizer.eos_token_id]
    text = "naïve <think> 日本\n"
    assert vocabulary.text(tokenizer.encode(text)) == text.encode()
    assert vocabulary.token_bytes(tokenizer.convert_tokens_to_ids("<think>")) == b"<think>"


def test_python_byte_table_that_is_not_exact() -> None:
    with pytest.raises(UnsupportedTokenizer, match=r"^PythonByteLevel: it encodes 'The .* another text"):
        Vocabulary.from_tokenizer(PythonByteLevel(lossy=True))
    with pytest.raises(UnsupportedTokenizer, match=r"^PythonByteLevel: token 7, '\?', is not written in its"):
        Vocabulary.from_tokenizer(PythonByteLevel(strange=True))
