"""What changed between two manuals, by id and by words."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reviewer.manual.difference import Listed, changed_fields, compare_rules, list_rules
from reviewer.resources import resource_dir

FIRST = Listed(
    "R1", "称呼", "不得直呼客人的姓名和外号。", "《守则》", "用语", "checkable", "minor", "any", None
)
SECOND = replace(FIRST, id="R2", title="致歉", text="客人久等时应当主动致歉并说明原因。")


def changes(old: list[Listed], new: list[Listed]) -> list[tuple[str, str | None, str | None]]:
    found = compare_rules(old, new)
    return [(d.change, d.old.id if d.old else None, d.new.id if d.new else None) for d in found]


def test_the_same_rules_have_no_differences_in_any_order() -> None:
    assert changes([FIRST, SECOND], [SECOND, FIRST]) == []


def test_added_and_removed_rules_are_told() -> None:
    assert changes([FIRST], [SECOND]) == [("added", None, "R2"), ("removed", "R1", None)]


def test_a_rule_is_found_again_by_id_or_by_words() -> None:
    reworded = replace(FIRST, text="不得直呼客人的姓名、外号和小名。")
    assert changes([FIRST], [reworded]) == [("reworded", "R1", "R1")]
    assert changes([FIRST, SECOND], [replace(reworded, id="R9"), SECOND]) == [("reworded", "R1", "R9")]


def test_a_move_and_a_new_setting_are_told_apart() -> None:
    assert changes([FIRST], [replace(FIRST, section="礼貌")]) == [("moved", "R1", "R1")]
    assert changes([FIRST], [replace(FIRST, severity="red")]) == [("changed", "R1", "R1")]
    both = replace(FIRST, document="《新守则》", kind="conduct")
    assert changes([FIRST], [both]) == [("moved", "R1", "R1"), ("changed", "R1", "R1")]


def test_one_rule_is_matched_once_to_what_is_most_alike() -> None:
    near = replace(FIRST, id="R8", text="不得直呼客人的姓名和外号")
    far = replace(FIRST, id="R9", text="不得直呼客人的姓名，也不得叫外号。")
    assert changes([FIRST], [far, near]) == [("added", None, "R9"), ("reworded", "R1", "R8")]


def test_width_and_script_are_no_rewording() -> None:
    assert changes([FIRST], [replace(FIRST, text="不得直呼客人的姓名和外號。")]) == []


def test_the_shipped_manual_is_listed_and_compared(tmp_path: Path) -> None:
    corpus = resource_dir("corpus")
    copy = Path(shutil.copytree(corpus, tmp_path / "corpus"))
    assert len(list_rules(copy)) == 46
    assert compare_rules(list_rules(corpus), list_rules(copy)) == []


@pytest.mark.parametrize("name", ["title", "severity", "points", "stages", "channels", "require", "approved"])
def test_every_judged_field_is_compared(name: str) -> None:
    other: dict[str, Any] = {
        "points": 7,
        "stages": ("closing",),
        "channels": ("phone",),
        "approved": ("请坐",),
    }
    (found,) = compare_rules([FIRST], [replace(FIRST, **{name: other.get(name, "red")})])
    assert found.old is not None
    assert found.new is not None
    assert [field for field, _, _ in changed_fields(found.old, found.new)] == [name]
