"""From the vectors of the tokens to one logit a rule and where in the draft it comes from.

Source: label attention (Mullenbach et al. 2018, CAML): every rule has a query that attends over the
tokens, here once over everything and once over the draft alone.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from reviewer.errors import ModelCorruptError
from reviewer.files import atomic_path

Vector = npt.NDArray[np.float32]

# A rule with words to point at in a smaller share of its violations is broken by what is missing.
POINTED = 0.5

_erf = np.vectorize(math.erf, otypes=[np.float32])


class Scores(NamedTuple):
    """``logits`` has shape [rules]; ``attention`` [rules, draft tokens], each row summing to 1."""

    logits: Vector
    attention: Vector


@dataclass(frozen=True, slots=True)
class Head:
    """The trained weights; H is the width of the encoder, R the number of rules.

    ``rules`` and ``texts``: id and content hash of the text of each rule, by row of ``queries``
    [R, H] and ``bias`` [R]. ``sharpness``: factor of the attention over everything, and over the
    draft. ``pointed`` [R]: share of the training violations that had words to point at; a rule below
    a half is broken by what is missing.
    """

    rules: npt.NDArray[np.str_]
    texts: npt.NDArray[np.str_]
    queries: Vector
    bias: Vector
    pointed: Vector
    key_weight: Vector
    key_bias: Vector
    value_weight: Vector
    value_bias: Vector
    sharpness: Vector
    hidden_weight: Vector
    hidden_bias: Vector
    out_weight: Vector
    out_bias: Vector

    def score(self, vectors: Vector, draft_start: int, draft_end: int) -> Scores:
        """Score every rule.

        Args:
            vectors: The encoder's output, shape [tokens, H].
            draft_start: First token of the draft.
            draft_end: One past its last token; greater than ``draft_start``.
        """
        keys = vectors @ self.key_weight.T + self.key_bias
        values = vectors @ self.value_weight.T + self.value_bias
        affinity = self.queries @ keys.T / math.sqrt(self.queries.shape[1])
        part = slice(draft_start, draft_end)
        everywhere = _softmax(affinity * self.sharpness[0]) @ values
        attention = _softmax(affinity[:, part] * self.sharpness[1])
        in_draft = attention @ values[part]
        q = self.queries
        features = np.concatenate([everywhere, in_draft, q, everywhere * q, in_draft * q], axis=1)
        hidden = _gelu(features @ self.hidden_weight.T + self.hidden_bias)
        logits = hidden @ self.out_weight + self.out_bias + self.bias
        return Scores(logits.astype(np.float32), attention)

    def save(self, path: Path) -> None:
        """Write all arrays to ``path``, an uncompressed ``.npz``."""
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Read what ``save`` wrote.

        Raises:
            ModelCorruptError: the file is missing or damaged.
        """
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as cause:
            raise ModelCorruptError(f"分类器文件 {path} 已损坏；请重新安装 reviewer 或重新训练。") from cause


def _softmax(rows: Vector) -> Vector:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _gelu(values: Vector) -> Vector:
    return np.asarray(0.5 * values * (1 + _erf(values / math.sqrt(2))), dtype=np.float32)
