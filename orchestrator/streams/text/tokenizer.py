"""Turns captions into rows of token ids."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from methods.backbones.config import WORLD_TOKENIZER

from ...errors import UserError
from ...storage.atomic_write import write_synced
from ..synthetic.vocabulary import world_words
from .multilingual import multilingual
from .transformers_tokenizer import transformers_tokenizer

_SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_FILES = ("tokenizer.json", "tokenizer_rows.json")
_CHUNK = 16384
_RARE = "\ua66e \U00012000 \U00030edd"  # characters of Old Cyrillic, cuneiform, and one for a dish of noodles
_MOST_WORDS = 100_000  # more than there are, so that each word is merged to one token


class Tokenizer:
    """A vocabulary and a row length.

    It is made by :meth:`multilingual`, :meth:`words`, :meth:`world`, :meth:`from_pretrained`, :meth:`train`
    or :meth:`load`.

    Attributes:
        max_tokens: The length L of the rows, [CLS] and [SEP] included, at least 3.
        vocab_size: The number of ids.
        pad_id: The id of [PAD].
        unk_id: The id of [UNK].
        cls_id: The id of [CLS].
        sep_id: The id of [SEP].
        mask_id: The id of [MASK].
    """

    def __init__(self, model: tokenizers.Tokenizer, max_tokens: int, special: dict[str, str]) -> None:
        if max_tokens < 3:
            raise UserError(f"max_tokens: {max_tokens}, allowed: at least 3 ([CLS], a token, [SEP])")
        model.no_padding()
        model.no_truncation()
        # Names of special tokens inside a caption are ordinary text.
        model.encode_special_tokens = True
        self._model = model
        self._special = special
        self.max_tokens = max_tokens
        # A vocabulary that has a word twice leaves one id unused.
        self.vocab_size = max(model.get_vocab().values(), default=-1) + 1
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            model.token_to_id(special[name]) for name in _SPECIAL
        )

    @classmethod
    def train(cls, captions: Iterable[str], vocab_size: int, max_tokens: int) -> Tokenizer:
        """Learns a byte-level BPE from ``captions``.

        Any text in any language has ids, even in words and scripts that were never seen, since every byte is
        a token. The ids depend on the captions alone, and not on their order or on threads.

        Args:
            captions: The texts.
            vocab_size: The upper limit of the vocabulary's size, at least 261 (256 bytes and 5 special
                tokens).
            max_tokens: The row length.

        Raises:
            UserError: ``vocab_size`` is too small. The message is one line.
        """
        floor = 256 + len(_SPECIAL)
        if vocab_size < floor:
            raise UserError(
                f"vocab_size: {vocab_size}, allowed: at least {floor} (256 bytes, {len(_SPECIAL)} special)"
            )
        model = tokenizers.Tokenizer(models.BPE(unk_token=_SPECIAL["unk"]))
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        model.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(_SPECIAL.values()),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        model.train_from_iterator(captions, trainer)
        return cls(model, max_tokens, _SPECIAL)

    @classmethod
    def multilingual(cls, max_tokens: int) -> Tokenizer:
        """A tokenizer that splits English into pieces of words and any other script into characters, as BERT
        splits Chinese.

        A character outside the blocks in common use is spelled in its UTF-8 bytes. Text is composed first
        (Unicode's NFC), so that composed and decomposed accents and syllables are read alike. The vocabulary,
        :func:`.multilingual.multilingual`, does not depend on any stream, so that a later task's words are
        read like those of the first task.
        """
        tokens, merges = multilingual()
        known = [*_SPECIAL.values(), *(f"<0x{byte:02X}>" for byte in range(256)), *tokens]
        ids = {token: number for number, token in enumerate(known)}
        model = tokenizers.Tokenizer(models.BPE(ids, merges, unk_token=_SPECIAL["unk"], byte_fallback=True))
        model.add_special_tokens(list(_SPECIAL.values()))
        # Without this the letters of a decomposed syllable, and many an accent, would each take a token of
        # the row.
        model.normalizer = normalizers.NFC()
        model.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        return cls(model, max_tokens, _SPECIAL)

    @classmethod
    def words(cls, max_tokens: int) -> Tokenizer:
        """A tokenizer with one token for each word of the generated world (:func:`world_words`). The list is
        the same for all of its streams. Any other text is spelled.
        """
        return cls.train(world_words(), _MOST_WORDS, max_tokens)

    def __reduce__(self) -> tuple[Any, ...]:
        # The backend's own pickle forgets that names of special tokens are ordinary text.
        return _unpickled, (self.to_json(), self.max_tokens, self._special)

    @classmethod
    def world(cls, max_tokens: int) -> Tokenizer:
        """The tokenizer of the backbone of size ``world``, see ``orchestrator/pretrain``."""
        return cls(tokenizers.Tokenizer.from_file(str(WORLD_TOKENIZER)), max_tokens, _SPECIAL)

    @classmethod
    def from_pretrained(cls, name: str, max_tokens: int) -> Tokenizer:
        """A transformers tokenizer (:func:`.transformers_tokenizer`): BERT's kind, with the five special
        tokens, or T5's, with fewer.

        The end of a text may stand in for [SEP]. The other special tokens except [PAD] may be absent. [PAD],
        which nothing reads, then stands in for them, so that a text begins where its words begin.

        Args:
            name: A folder, or a name on the Hub.
            max_tokens: The row length.

        Raises:
            UserError: The tokenizer is not there, is not whole, or has no [PAD] or no end.
        """
        loaded = transformers_tokenizer(name)
        special = {key: getattr(loaded, f"{key}_token", None) for key in _SPECIAL}
        special["sep"] = special["sep"] or loaded.eos_token
        if absent := [key for key in ("pad", "sep") if special[key] is None]:
            need = "pad and sep (or eos) token"
            raise UserError(f"tokenizer {name!r}: has no {', '.join(absent)} token, allowed: one with {need}")
        if same := [key for key in ("sep", "cls", "mask") if special[key] == special["pad"]]:
            raise UserError(
                f"tokenizer {name!r}: its pad token {special['pad']!r}, which nothing reads, is its "
                f"{same[0]} token too, allowed: one of its own"
            )
        special = {key: token or special["pad"] for key, token in special.items()}
        model = tokenizers.Tokenizer.from_str(loaded.backend_tokenizer.to_str())
        tokenizer = cls(model, max_tokens, special)
        tokenizer._check_unknown(name)
        return tokenizer

    def _check_unknown(self, name: str) -> None:
        try:
            ids = self._model.encode(_RARE, add_special_tokens=False).ids
        except Exception as error:  # tokenizers raises bare Exception
            reason = " ".join(str(error).split())
            raise UserError(
                f"tokenizer {name!r}: cannot read a word that it does not know ({reason}), allowed: a "
                "vocabulary that has the unknown token"
            ) from None
        if self.pad_id in ids:
            raise UserError(
                f"tokenizer {name!r}: words that it does not know become its pad token "
                f"{self._special['pad']!r}, which nothing reads, allowed: an unknown token of its own"
            )

    def encode(self, captions: Sequence[str]) -> np.ndarray:
        """int32 (N, L): [CLS], the caption's tokens cut to L - 2, [SEP], then [PAD]."""
        return self.encode_counting(captions)[0]

    def encode_counting(self, captions: Sequence[str]) -> tuple[np.ndarray, int]:
        """The rows of :meth:`encode`, and how many captions were cut because they have more than L - 2
        tokens.
        """
        cut = 0
        rows = np.full((len(captions), self.max_tokens), self.pad_id, np.int32)
        rows[:, 0] = self.cls_id
        room = self.max_tokens - 2
        for start in range(0, len(captions), _CHUNK):
            chunk = list(captions[start : start + _CHUNK])
            whole = [e.ids for e in self._model.encode_batch_fast(chunk, add_special_tokens=False)]
            cut += sum(len(i) > room for i in whole)
            ids = [i[:room] for i in whole]
            lengths = np.fromiter((len(i) for i in ids), np.int64, len(ids))
            part = rows[start : start + len(ids)]
            used = np.arange(room) < lengths[:, None]
            part[:, 1:-1][used] = np.fromiter(
                itertools.chain.from_iterable(ids), np.int32, int(lengths.sum())
            )
            part[np.arange(len(ids)), lengths + 1] = self.sep_id
        return rows, cut

    def first_cut(self, texts: Sequence[str]) -> tuple[int, int, int] | None:
        """Finds the first text that :meth:`encode` cuts.

        Args:
            texts: The texts.

        Returns:
            The text's index, the number of its tokens, and the number of tokens that are kept. None: no text
            is cut.
        """
        room = self.max_tokens - 2
        whole = self._model.encode_batch_fast(list(texts), add_special_tokens=False)
        return next(((row, len(e.ids), room) for row, e in enumerate(whole) if len(e.ids) > room), None)

    def unknown(self, texts: Sequence[str]) -> tuple[int, int]:
        """Counts how many of the texts' tokens are [UNK], and how many tokens there are."""
        known = [e.ids for e in self._model.encode_batch_fast(list(texts), add_special_tokens=False)]
        ids = list(itertools.chain.from_iterable(known))
        return (0 if self.unk_id == self.pad_id else ids.count(self.unk_id)), len(ids)

    def encode_answers(self, answers: Sequence[str]) -> np.ndarray:
        """int32 (A, L): an answer's tokens, [SEP], then [PAD]. L is the length of the longest answer, so that
        nothing is cut.
        """
        ids = [e.ids for e in self._model.encode_batch_fast(list(answers), add_special_tokens=False)]
        rows = np.full((len(ids), max(map(len, ids), default=0) + 1), self.pad_id, np.int32)
        for row, own in zip(rows, ids, strict=True):
            row[: len(own)] = own
            row[len(own)] = self.sep_id
        return rows

    def decode(self, row: Sequence[int] | np.ndarray) -> str:
        """The text of one row, without special tokens."""
        return self._model.decode(list(map(int, row)), skip_special_tokens=True).removeprefix(" ")

    def to_json(self) -> str:
        """The vocabulary and its rules, as tokenizers writes them to ``tokenizer.json``."""
        return self._model.to_str()

    def texts(self) -> dict[str, str]:
        """Names and contents of the files that hold the whole tokenizer."""
        rows = {"max_tokens": self.max_tokens, "special": self._special}
        # It is on one line, since it is kept with every checkpoint.
        return dict(zip(_FILES, (self.to_json(), json.dumps(rows)), strict=True))

    def save(self, folder: str | Path) -> None:
        """Writes the files of :meth:`texts` anew into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.texts().items():
            write_synced(folder / name, text)

    @classmethod
    def is_kept(cls, folder: Path) -> bool:
        """Whether ``folder`` has the files that :meth:`save` writes."""
        return all((folder / name).is_file() for name in _FILES)

    @classmethod
    def load(cls, folder: str | Path) -> Tokenizer:
        """Reads what :meth:`save` wrote.

        Raises:
            UserError: The tokenizer cannot be read. The message is one line.
        """
        folder = Path(folder)
        try:
            rows = json.loads((folder / "tokenizer_rows.json").read_text(encoding="utf-8"))
            model = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            return cls(model, rows["max_tokens"], rows["special"])
        except UserError:
            raise
        except Exception as error:  # tokenizers raises bare Exception
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{folder}: holds no saved tokenizer ({reason})") from None


def _unpickled(model: str, max_tokens: int, special: dict[str, str]) -> Tokenizer:
    return Tokenizer(tokenizers.Tokenizer.from_str(model), max_tokens, special)
