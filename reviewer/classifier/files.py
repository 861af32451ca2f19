"""A trained classifier on disk, and the llama.cpp model that it and the encoder's package make.

A folder of ``reviewer.models.tuned`` that holds ``head.npz`` besides, whose SHA-256 the card names too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from reviewer.models.card import CARD, Kind, read_trained_card, write_trained_card
from reviewer.models.encoder import ensure_encoder
from reviewer.models.tuned import LAYERS, TunedCard, assemble_tuned, base_of, require_unchanged

__all__ = [
    "CARD",
    "HEAD",
    "LAYERS",
    "Card",
    "ClassifierFiles",
    "classifier_files",
    "identity_of",
    "read_card",
    "write_card",
]

HEAD = "head.npz"


class Card(TunedCard):
    """What a classifier is."""

    head: str = Field(description="SHA-256 of head.npz.")


_KIND = Kind("分类器", "classifier", Card)


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
    return read_trained_card(folder, _KIND)


def write_card(folder: Path, card: Card) -> None:
    """Write what ``read_card`` reads; last of all, for a folder with a card is a finished classifier.

    Raises:
        StorageError: it cannot be written.
    """
    write_trained_card(folder, card)


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
    entry = base_of(card, _KIND)
    for name, expected in ((LAYERS, card.layers), (HEAD, card.head)):
        require_unchanged(folder / name, expected, home, _KIND)
    return ClassifierFiles(
        gguf=assemble_tuned(entry, folder / LAYERS, home, _KIND, notify=notify),
        head=folder / HEAD,
        vocabulary=ensure_encoder(entry, home, notify=notify).vocabulary,
        identity=identity_of(card),
    )


def identity_of(card: Card) -> str:
    """Return what names the weights that ``card`` describes."""
    return f"{card.layers[:12]}-{card.head[:12]}"
