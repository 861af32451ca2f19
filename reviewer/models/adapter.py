"""A trained rewriting adapter on disk: a LoRA for one language model and one set of prompts.

A folder holds ``adapter.gguf`` and ``card.json``, which names the SHA-256 of it and of the model it was
trained on. The same tensors on another model, or after another prompt, would write nonsense quietly.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from reviewer.errors import ModelCorruptError
from reviewer.models.card import Kind, read_trained_card, write_trained_card
from reviewer.models.hashing import HashCache

ADAPTER = "adapter.gguf"


class AdapterCard(BaseModel):
    """What an adapter is: where it comes from, how good it was found to be, what it is not for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    base: str = Field(description="SHA-256 of the language model's GGUF file.")
    adapter: str = Field(description="SHA-256 of adapter.gguf.")
    prompts: str = Field(description="Content hash of the prompts that it was trained with.")
    licence: str
    data: str
    recipe: dict[str, str | float | int]
    figures: dict[str, float]
    limits: str


_KIND = Kind("改写适配器", "rewriter_adapter", AdapterCard)


def read_adapter_card(folder: Path) -> AdapterCard:
    """Return the card of ``folder``.

    Raises:
        ModelMissingError: there is no adapter in it.
        ModelCorruptError: the card cannot be read.
    """
    return read_trained_card(folder, _KIND)


def write_adapter_card(folder: Path, card: AdapterCard) -> None:
    """Write what ``read_adapter_card`` reads; last of all, for a folder with a card is finished.

    Raises:
        StorageError: it cannot be written.
    """
    write_trained_card(folder, card)


def verified_adapter(folder: Path, card: AdapterCard, home: Path, *, base: str, prompts: str) -> Path:
    """Return the GGUF file of the adapter in ``folder``, proven to be whole and to fit.

    Args:
        folder: What a training wrote.
        card: Its card.
        home: The cache folder, where hashes are remembered.
        base: SHA-256 of the language model that will load it.
        prompts: Content hash of the prompts that it will be asked with.

    Raises:
        ModelCorruptError: the file is damaged or missing, or it was trained on another model or prompts.
    """
    path = folder / ADAPTER
    if not path.is_file() or HashCache(home).file(path) != card.adapter:
        raise ModelCorruptError(f"改写适配器文件 {path} 缺失或已损坏（SHA-256 不符）；请重新安装或重新训练。")
    if card.base != base:
        raise ModelCorruptError(
            f"改写适配器 {folder} 是在另一个模型（{card.base[:12]}）上训练的，不能用于当前模型"
            f"（{base[:12]}）；请改正 model 或 rewriter_adapter。"
        )
    if card.prompts != prompts:
        raise ModelCorruptError(
            f"改写适配器 {folder} 是用另一版提示训练的，不能用于本版；"
            "请重新训练，或把 rewriter_adapter 设为 none。"
        )
    return path
