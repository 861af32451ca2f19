"""Names of the sets in ``eval/data`` and the files they stand for."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example, read_examples

SPLITS = ("train", "dev", "test")
EXTRA = ("redteam", "stability", "mutation", "conflict")
SMOKE = "smoke"
NAMES = (*SPLITS, SMOKE, *EXTRA)
_SMOKE_FILE = "smoke.json"
_AGREEMENT_FILE = "agreement.json"


def data_folder(cwd: Path) -> Path:
    """Return the folder of the labelled data: ``eval/data`` of ``cwd`` or a parent, or of this checkout.

    Raises:
        InputError: there is none; the data is not part of the installed package.
    """
    roots = (cwd, *cwd.parents, Path(__file__).parents[2])
    for root in roots:
        folder = root / "eval" / "data"
        if (folder / "train").is_dir():
            return folder
    raise InputError("找不到 eval/data：请在仓库目录里运行，或用 --data 指定标注文件。")


def files_of(name: str, folder: Path) -> list[Path]:
    """Return the files of the set ``name``, sorted.

    Raises:
        InputError: no such set, or its files are missing.
    """
    if name in SPLITS:
        files = sorted((folder / name).glob("*.jsonl"))
    elif name in EXTRA:
        files = [folder / "extra" / f"{name}.jsonl"]
    elif name == SMOKE:
        files = sorted((folder / "dev").glob("*.jsonl"))
    else:
        raise InputError(f"没有数据集 {name}；可用的有 {'、'.join(NAMES)}，或用 --data 指定文件。")
    if not files or not all(path.is_file() for path in files):
        raise InputError(f"{folder} 里缺少数据集 {name} 的文件。")
    return files


def read_set(name: str, folder: Path) -> list[Example]:
    """Return the examples of the set ``name``.

    Raises:
        InputError: see ``files_of``; or a file is no labelled data.
    """
    examples = read_files(files_of(name, folder))
    if name != SMOKE:
        return examples
    try:
        chosen: list[str] = json.loads((folder / _SMOKE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise InputError(f"读不了 {folder / _SMOKE_FILE}（smoke 集的样本编号）：{cause}。") from cause
    by_id = {example.id: example for example in examples}
    missing = [each for each in chosen if each not in by_id]
    if missing:
        raise InputError(f"{_SMOKE_FILE} 里的样本不在开发集里：{'、'.join(missing)}。")
    return [by_id[each] for each in chosen]


class SecondReader(BaseModel):
    """How far a second, independent reader agreed with the labels of one author file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    n: int
    flag_kappa: float | None
    rule_f1: float


def second_reader(examples: Sequence[Example], cwd: Path) -> dict[str, float]:
    """Return the second reader's agreement over the authors of ``examples``, weighted by examples.

    Empty unless every author is one of ours; a figure that is undefined for an author is left out.

    Raises:
        InputError: the table is damaged.
    """
    try:
        path = data_folder(cwd) / _AGREEMENT_FILE
    except InputError:
        return {}
    if not path.is_file():
        return {}
    try:
        table = TypeAdapter(dict[str, SecondReader]).validate_json(path.read_bytes())
    except ValidationError as cause:
        raise InputError(f"{path} 已损坏：{str(cause).splitlines()[0]}") from cause
    counts = Counter(example.author for example in examples)
    if not counts or not counts.keys() <= table.keys():
        return {}
    figures = {}
    for name in ("flag_kappa", "rule_f1"):
        values = {author: getattr(table[author], name) for author in counts}
        if all(value is not None for value in values.values()):
            total = sum(values[author] * count for author, count in counts.items())
            figures[name] = round(total / counts.total(), 4)
    return figures


def read_files(files: Sequence[Path]) -> list[Example]:
    """Return the examples of all ``files``.

    Raises:
        InputError: a file is no labelled data, is empty, or an id occurs twice.
    """
    examples = [example for path in files for example in read_examples(path)]
    if not examples:
        raise InputError(f"{'、'.join(str(path) for path in files)} 里没有样本。")
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise InputError(f"样本编号 {example.id} 出现了两次；编号必须唯一。")
        seen.add(example.id)
    return examples
