"""A rewriting adapter is used only where it fits, and only whole."""

from pathlib import Path

import pytest

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.models.adapter import (
    ADAPTER,
    AdapterCard,
    read_adapter_card,
    verified_adapter,
    write_adapter_card,
)
from reviewer.models.card import CARD
from reviewer.models.hashing import file_sha256

BASE, PROMPTS = "b" * 64, "p" * 16


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ADAPTER).write_bytes(b"weights")
    card = AdapterCard(
        name="a",
        base=BASE,
        adapter=file_sha256(tmp_path / ADAPTER),
        prompts=PROMPTS,
        licence="Apache-2.0",
        data="d",
        recipe={"rank": 4},
        figures={"loss": 1.0},
        limits="l",
    )
    write_adapter_card(tmp_path, card)
    return tmp_path


def opened(folder: Path, base: str = BASE, prompts: str = PROMPTS) -> Path:
    return verified_adapter(folder, read_adapter_card(folder), folder / "home", base=base, prompts=prompts)


def test_a_fitting_adapter_is_found(folder: Path) -> None:
    assert opened(folder) == folder / ADAPTER


def test_another_model_is_refused(folder: Path) -> None:
    with pytest.raises(ModelCorruptError, match=r"另一个模型（bbbbbbbbbbbb）.*当前模型（cccccccccccc）"):
        opened(folder, base="c" * 64)


def test_other_prompts_are_refused(folder: Path) -> None:
    with pytest.raises(ModelCorruptError, match="另一版提示"):
        opened(folder, prompts="q")


@pytest.mark.parametrize("content", [b"weightz", None])
def test_a_damaged_or_missing_file_is_refused(content: bytes | None, folder: Path) -> None:
    (folder / ADAPTER).unlink()
    if content is not None:
        (folder / ADAPTER).write_bytes(content)
    with pytest.raises(ModelCorruptError, match="缺失或已损坏"):
        opened(folder)


def test_a_folder_without_a_card_holds_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="rewriter_adapter"):
        read_adapter_card(tmp_path)


@pytest.mark.parametrize("content", ["torn", "{}", '{"name": 1}'])
def test_a_damaged_card_is_refused(content: str, folder: Path) -> None:
    (folder / CARD).write_text(content, encoding="utf-8")
    with pytest.raises(ModelCorruptError, match="已损坏"):
        read_adapter_card(folder)
