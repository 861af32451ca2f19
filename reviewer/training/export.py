"""From a trained network to a classifier folder with a filled model card."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from reviewer.classifier.files import HEAD, LAYERS, Card, write_card
from reviewer.classifier.head import Head
from reviewer.files import atomic_path, ensure_dir
from reviewer.models.e5 import gguf_name, write_layers
from reviewer.models.hashing import file_sha256
from reviewer.resources import content_hash
from reviewer.training.data import DataFile
from reviewer.training.labels import LABELS
from reviewer.training.model_card import encoder_line, listed, together, write_model_card
from reviewer.training.network import DROPOUT, HIDDEN, Network, layer_of
from reviewer.training.recipe import Recipe
from reviewer.types import Rule

NAME = "rule-classifier"
FROM_SCRATCH = "none"
_USE = (
    "一次读完对话和草稿，给手册的每条规则一个分数，并指出依据在草稿的哪里。用法："
    "`reviewer check --classifier 本目录 …`。"
)
_LIMITS = (
    "只认得训练时那份手册的规则；手册改动后的规则要重新训练。只读中文客服对话，草稿过长时分段判断，"
    "训练时只见过第一段。判断的是文字，不核实事实。输出是未校准的分数：接到审核器里用之前要重新校准。"
    "数据以外的行业、口吻和渠道没有测过。不能单独用来处罚员工，红线结论要人工复核。"
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a classifier comes from.

    ``base`` is the SHA-256 of the encoder's file and ``licence`` that of its weights; ``start`` the
    identity of the classifier it went on from, or ``FROM_SCRATCH``, and ``start_data`` what that one was
    trained on; ``figures`` whatever was measured, 0 to 1, and ``held_out`` on which files.
    """

    base: str
    licence: str
    data: tuple[DataFile, ...]
    recipe: Recipe
    manual: str
    start: str = FROM_SCRATCH
    start_data: str = ""
    held_out: tuple[DataFile, ...] = ()
    figures: Mapping[str, float] | None = None


def head_of(network: Network, rules: Sequence[Rule], pointed: Sequence[float]) -> Head:
    """Return the numpy head that computes what ``network`` does; text and delta are folded into queries.

    Args:
        network: With a row for each of ``rules``.
        rules: The rules of the manual in its order.
        pointed: ``Head.pointed``, in the same order.
    """
    with torch.no_grad():
        queries, bias = network.queries()
    return Head(
        rules=np.array([rule.id for rule in rules]),
        texts=np.array([content_hash(rule.text.encode()) for rule in rules]),
        queries=_floats(queries),
        bias=_floats(bias),
        pointed=np.array(pointed, dtype=np.float32),
        key_weight=_floats(network.key.weight),
        key_bias=_floats(network.key.bias),
        value_weight=_floats(network.value.weight),
        value_bias=_floats(network.value.bias),
        sharpness=_floats(network.sharpness),
        hidden_weight=_floats(network.hidden.weight),
        hidden_bias=_floats(network.hidden.bias),
        out_weight=_floats(network.out.weight)[0],
        out_bias=_floats(network.out.bias),
    )


def export(
    network: Network, rules: Sequence[Rule], pointed: Sequence[float], provenance: Provenance, folder: Path
) -> Card:
    """Write ``layers.gguf`` (8 bits), ``head.npz``, ``README.md`` and, last, ``card.json``.

    Raises:
        StorageError: the folder cannot be written.
    """
    ensure_dir(folder)
    export_layers(network, folder / LAYERS)
    head_of(network, rules, pointed).save(folder / HEAD)
    card = Card(
        name=NAME,
        base=provenance.base,
        layers=file_sha256(folder / LAYERS),
        head=file_sha256(folder / HEAD),
        licence=provenance.licence,
        data=together(provenance.start_data, listed(provenance.data)),
        recipe=_recipe(provenance),
        figures=dict(provenance.figures or {}),
        limits=_LIMITS,
    )
    write_model_card(
        folder,
        card,
        use=_USE,
        origin=(
            encoder_line(card.base, card.licence),
            f"起点：{'从头训练' if provenance.start == FROM_SCRATCH else f'分类器 {provenance.start}'}",
            f"手册：{provenance.manual}",
            f"`{LAYERS}`：SHA-256 {card.layers}",
            f"`{HEAD}`：SHA-256 {card.head}",
        ),
        data=provenance.data,
        held_out=provenance.held_out,
        how="量化和校准之前",
        labels=LABELS,
    )
    write_card(folder, card)
    return card


def export_layers(network: nn.Module, path: Path) -> None:
    """Write the layers of ``network.encoder`` to ``path``, a GGUF file in 8 bits.

    Raises:
        StorageError: it cannot be written.
    """
    layers = {
        gguf_name(name.removeprefix("encoder.")): _floats(parameter)
        for name, parameter in network.named_parameters()
        if layer_of(name) is not None
    }
    with atomic_path(path) as temporary:
        write_layers(layers, temporary)


def _recipe(provenance: Provenance) -> dict[str, str | float | int]:
    return {
        **asdict(provenance.recipe),
        "optimiser": "AdamW",
        "hidden": HIDDEN,
        "dropout": DROPOUT,
        "start": provenance.start,
        "manual": provenance.manual,
        "held_out": listed(provenance.held_out) or "none",
        "torch": version("torch"),
        "reviewer": version("reviewer"),
    }


def _floats(values: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values.detach().numpy(), dtype=np.float32)
