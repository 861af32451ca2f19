"""What pydantic found wrong with a value, and where, in Chinese."""

import re
from collections.abc import Sequence
from itertools import pairwise, starmap

from pydantic_core import ErrorDetails

_BROKEN = {
    "missing": "缺少这个字段",
    "extra_forbidden": "没有这个字段",
    "json_invalid": "请求体不是合法的 JSON",
    "model_attributes_type": "应是 JSON 对象，请求头须有 Content-Type: application/json",
    "model_type": "应是由字段组成的对象",
    "dict_type": "应是由字段组成的对象",
    "literal_error": "不是允许的值",
    "string_type": "应是字符串",
    "string_too_long": "太长",
    "string_unicode": "不是合法的 Unicode 文本",
    "list_type": "应是列表",
    "tuple_type": "应是列表",
    "too_short": "不能为空",
    "bool_type": "应是 true 或 false",
    "bool_parsing": "应是 true 或 false",
    "int_type": "应是整数",
    "int_parsing": "应是整数",
    "int_from_float": "应是整数",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
}


# A draft is ``str | list[str]``, and pydantic names the member that it tried behind the field.
_UNION, _MEMBERS = "draft", ("str", "list[str]")


def where_it_is(place: Sequence[str | int]) -> str:
    """Return the ``loc`` of a fault as one name: fields and numbers of items, joined by dots."""
    behind = zip(("", *place), place, strict=False)
    return ".".join(str(part) for before, part in behind if not _is_member(before, part))


def _is_member(before: str | int, part: str | int) -> bool:
    return before == _UNION and part in _MEMBERS


def what_is_wrong(fault: ErrorDetails) -> str:
    """Return what ``fault`` means, and which values are allowed where there are few."""
    kind = fault["type"]
    if kind == "string_type" and any(starmap(_is_member, pairwise(fault["loc"]))):
        return "应是字符串，或字符串的列表"
    what = _BROKEN.get(kind, f"不可用（{kind}）")
    if kind != "literal_error":
        return what
    allowed = re.findall(r"'(.+?)'", fault["ctx"]["expected"])
    return f"{what}（可用：{'、'.join(allowed)}）"
