"""The model card of what was trained, for people: README.md beside card.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from reviewer.files import atomic_path
from reviewer.training.data import DataFile

README = "README.md"


class Card(Protocol):
    """What the ``card.json`` of every kind of training says, as far as people are told."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def recipe(self) -> Mapping[str, str | float | int]:
        """How it was trained."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """What was measured."""
        ...

    @property
    def limits(self) -> str:
        """What it is not for."""
        ...


def write_model_card(
    folder: Path,
    card: Card,
    *,
    use: str,
    origin: Sequence[str],
    data: Sequence[DataFile],
    held_out: Sequence[DataFile],
    how: str,
    labels: Mapping[str, str],
) -> None:
    """Write ``README.md`` into ``folder``.

    Args:
        folder: What was trained.
        card: What stands in its ``card.json``.
        use: What it does and how to use it.
        origin: Lines on where it comes from, the model it was trained on first.
        data: What it was trained on.
        held_out: What the figures were measured on.
        how: On what state of the weights they were measured.
        labels: What the figures are called.

    Raises:
        StorageError: it cannot be written.
    """
    total = sum(file.n_examples for file in data)
    figures = [f"- {labels.get(name, name)}：{value:.3f}" for name, value in card.figures.items()]
    measured = [f"在 {listed(held_out)} 上，{how}：", ""] if held_out else []
    lines = [
        f"# {card.name}",
        "",
        use,
        "",
        "## 来源",
        "",
        *(f"- {line}" for line in origin),
        "",
        f"## 数据（{total} 条）",
        "",
        *(f"- {file.name}：{file.n_examples} 条，SHA-256 {file.sha256}" for file in data),
        "",
        "## 配方",
        "",
        *(f"- {name}：{value}" for name, value in card.recipe.items()),
        "",
        "## 指标",
        "",
        *(measured + figures or ["没有测过。"]),
        "",
        "## 局限",
        "",
        card.limits,
    ]
    with atomic_path(folder / README) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def encoder_line(base: str, licence: str) -> str:
    """Return the line of ``origin`` on the encoder with the SHA-256 ``base``."""
    return f"编码器：multilingual-e5-small（SHA-256 {base[:12]}），许可 {licence}"


def listed(files: Sequence[DataFile]) -> str:
    """Return the files in one line: name, number of examples and the first digits of the hash."""
    return "；".join(f"{file.name}（{file.n_examples} 条，SHA-256 {file.sha256[:12]}）" for file in files)


def together(*data: str) -> str:
    """Return in one line what stands in several lines of ``listed``, each file once."""
    return "；".join(dict.fromkeys(part for each in data for part in each.split("；") if part))
