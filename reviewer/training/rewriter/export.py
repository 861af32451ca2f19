"""From trained adapters to a folder with a GGUF file and a filled model card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from reviewer.files import atomic_path, ensure_dir
from reviewer.models.adapter import ADAPTER, AdapterCard, write_adapter_card
from reviewer.models.hashing import file_sha256
from reviewer.training.data import DataFile
from reviewer.training.model_card import listed, write_model_card
from reviewer.training.rewriter.figures import LABELS
from reviewer.training.rewriter.lora import UpperHalf
from reviewer.training.rewriter.recipe import RewriterRecipe

NAME = "rewriter-lora"
_USE = "让语言模型把违规的客服草稿改成合规回复的 LoRA。用法：把设置 `rewriter_adapter` 设为本目录。"
_LIMITS = (
    "只在训练时那个基座模型和那版提示上有效。只改写中文客服回复；数据以外的行业、口吻和渠道没有测过。"
    "训练样本由语言模型撰写，不是真人回复。输出可能漏掉或改动事实：必须经过事实比对和规则复核才能发给客户。"
    "指标是逐词元预测参考改写的结果，不等于改写质量。"
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an adapter comes from.

    ``base`` is the SHA-256 of the language model's file, ``base_name`` and ``licence`` what the registry
    says of it; ``prompts``, ``manual`` and ``wordings`` are content hashes; ``figures`` whatever was
    measured, and ``held_out`` on which files.
    """

    base: str
    base_name: str
    licence: str
    prompts: str
    manual: str
    wordings: str
    data: tuple[DataFile, ...]
    n_samples: int
    recipe: RewriterRecipe
    held_out: tuple[DataFile, ...] = ()
    figures: Mapping[str, float] | None = None


def write_adapter(model: UpperHalf, recipe: RewriterRecipe, base: str, path: Path) -> None:
    """Write what ``model`` learned as a LoRA in GGUF, in half precision; it names its base.

    Raises:
        StorageError: ``path`` cannot be written.
    """
    import gguf

    with atomic_path(path) as temporary:
        writer = gguf.GGUFWriter(temporary, "qwen2")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", recipe.alpha)
        writer.add_string("reviewer.base_sha256", base)
        for name, parameter in model.learned().items():
            writer.add_tensor(name, np.ascontiguousarray(parameter.detach().numpy(), dtype=np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def export(model: UpperHalf, provenance: Provenance, folder: Path) -> AdapterCard:
    """Write ``adapter.gguf``, ``README.md`` and, last, ``card.json``.

    Raises:
        StorageError: the folder cannot be written.
    """
    ensure_dir(folder)
    write_adapter(model, provenance.recipe, provenance.base, folder / ADAPTER)
    card = AdapterCard(
        name=NAME,
        base=provenance.base,
        adapter=file_sha256(folder / ADAPTER),
        prompts=provenance.prompts,
        licence=provenance.licence,
        data=listed(provenance.data),
        recipe=_recipe(provenance),
        figures=dict(provenance.figures or {}),
        limits=_LIMITS,
    )
    write_model_card(
        folder,
        card,
        use=_USE,
        origin=(
            f"基座：{provenance.base_name}（SHA-256 {card.base}），许可 {card.licence}",
            f"提示 {card.prompts}，手册 {provenance.manual}，批准的说法 {provenance.wordings or '无'}",
            f"`{ADAPTER}`：SHA-256 {card.adapter}",
        ),
        data=provenance.data,
        held_out=provenance.held_out,
        how="逐词元预测参考改写",
        labels=LABELS,
    )
    write_adapter_card(folder, card)
    return card


def _recipe(provenance: Provenance) -> dict[str, str | float | int]:
    return {
        **asdict(provenance.recipe),
        "optimiser": "AdamW",
        "n_samples": provenance.n_samples,
        "base": provenance.base_name,
        "manual": provenance.manual,
        "wordings": provenance.wordings,
        "held_out": listed(provenance.held_out) or "none",
        "torch": version("torch"),
        "reviewer": version("reviewer"),
    }
