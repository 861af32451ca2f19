"""Reads the YAML files of a corpus folder; a fault is one line that names the rule and the field."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import CorpusError
from reviewer.resources import read_text

Line = Annotated[str, Field(min_length=1, pattern=r"^\S(?:[^\n]*\S)?$")]

_FAULTS = {
    "missing": "缺少这一项",
    "extra_forbidden": "不认识这一项",
    "literal_error": "取值不在允许的范围内",
}


class Entry(BaseModel):
    """What stands in a file: known fields only."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_Top = TypeVar("_Top", bound=Entry)


def read_entries(path: Path, top: type[_Top]) -> _Top:
    """Return what ``path`` holds, checked against ``top``.

    Raises:
        CorpusError: the file is missing, no YAML, or does not have the form of ``top``.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Both loaders are the safe ones: plain data only.
        data: object = yaml.load(read_text(path), Loader=loader)
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        where = f"第 {mark.line + 1} 行" if mark else "某处"
        raise CorpusError(f"{path.name} {where}不是合法的 YAML；请检查缩进、引号和冒号。") from cause
    try:
        return top.model_validate(data)
    except ValidationError as cause:
        fault = cause.errors(include_url=False)[0]
        place = _place(fault["loc"], data)
        what = _FAULTS.get(fault["type"], "取值不合要求")
        raise CorpusError(f"{path.name} 中 {place}：{what}；请按目录的格式改正。") from cause


def _place(location: tuple[int | str, ...], data: object) -> str:
    """Say where a fault is, naming the rule by its id where it has one."""
    match location, data:
        case ("rules", int(number), *rest), {"rules": list(entries)}:
            entry = entries[number]
            name = entry.get("id") if isinstance(entry, dict) else None
            words = [f"规则 {name}" if name else f"第 {number + 1} 条规则"]
        case _:
            words, rest = [], list(location)
    words.append(".".join(str(part) for part in rest))
    return " ".join(word for word in words if word) or "最外层"
