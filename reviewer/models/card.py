"""The card.json of what was trained: read, and written last of all, for a folder with a card is finished."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.files import atomic_path

CARD = "card.json"

CardT = TypeVar("CardT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind(Generic[CardT]):
    """What a trained folder is for: its name in Chinese, the setting that chooses it, its sort of card."""

    noun: str
    setting: str
    card: type[CardT]


def read_trained_card(folder: Path, kind: Kind[CardT]) -> CardT:
    """Return the card of ``folder``.

    Raises:
        ModelMissingError: there is no card in it.
        ModelCorruptError: the card cannot be read.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelMissingError(
            f"{folder} 里没有{kind.noun}（缺 {CARD}）；请改正 {kind.setting}，或设为 auto 或 none。"
        )
    try:
        return kind.card.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as cause:
        raise ModelCorruptError(f"{kind.noun}说明 {path} 已损坏；请重新安装或重新训练。") from cause


def write_trained_card(folder: Path, card: BaseModel) -> None:
    """Write what ``read_trained_card`` reads.

    Raises:
        StorageError: it cannot be written.
    """
    with atomic_path(folder / CARD) as temporary:
        temporary.write_text(card.model_dump_json(indent=1), encoding="utf-8")
