"""A trained retriever on disk: an encoder for queries and passages whose layers were trained together."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from reviewer.models.card import Kind, read_trained_card
from reviewer.models.encoder import ensure_encoder
from reviewer.models.tuned import LAYERS, TunedCard, assemble_tuned, base_of, require_unchanged


class RetrieverCard(TunedCard):
    """What a retriever is."""

    manual: str = Field(description="Content hash of the manual whose rules it was trained on.")
    held_out: tuple[str, ...] = Field(description="Rules that were left out of training.")


RETRIEVER = Kind("检索器", "retriever", RetrieverCard)


@dataclass(frozen=True, slots=True)
class RetrieverFiles:
    """The llama.cpp form of the weights and the folder of its ``UnigramTokenizer``."""

    gguf: Path
    vocabulary: Path


def read_retriever(folder: Path) -> RetrieverCard:
    """Return the card of ``folder``.

    Raises:
        ModelMissingError: there is no retriever in it.
        ModelCorruptError: the card cannot be read.
    """
    return read_trained_card(folder, RETRIEVER)


def retriever_files(
    folder: Path, home: Path, *, notify: Callable[[str], None] = lambda _text: None
) -> RetrieverFiles:
    """Return the files of the retriever in ``folder``, putting its model together first if need be (3 s).

    Raises:
        ModelMissingError: the folder holds none, or the encoder's package is not installed.
        ModelCorruptError: a file is damaged, or it was trained on another encoder.
        StorageError: the cache cannot be written. Nothing half-written stays.
    """
    card = read_retriever(folder)
    entry = base_of(card, RETRIEVER)
    require_unchanged(folder / LAYERS, card.layers, home, RETRIEVER)
    return RetrieverFiles(
        gguf=assemble_tuned(entry, folder / LAYERS, home, RETRIEVER, notify=notify),
        vocabulary=ensure_encoder(entry, home, notify=notify).vocabulary,
    )
