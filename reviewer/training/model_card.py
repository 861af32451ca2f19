"""The model card of what was trained, for people: README.md beside card.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reviewer.files import atomic_path
from reviewer.models.tuned import TunedCard
from reviewer.training.data import DataFile

README = "README.md"


def write_model_card(
    folder: Path,
    card: TunedCard,
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
        origin: Lines on where it comes from, after the encoder.
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
        f"- 编码器：multilingual-e5-small（SHA-256 {card.base[:12]}），许可 {card.licence}",
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


def listed(files: Sequence[DataFile]) -> str:
    """Return the files in one line: name, number of examples and the first digits of the hash."""
    return "；".join(f"{file.name}（{file.n_examples} 条，SHA-256 {file.sha256[:12]}）" for file in files)
