import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.evaluation.metrics import rewrites
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.rewrites import edit_distance, has_placeholder, rewrite_measures
from reviewer.evaluation.records import Record, RewriteOutcome
from tests.evaluation.metrics.builders import record


def _measures(*records: Record) -> dict[str, Measure]:
    return {measure.name: measure for measure in rewrite_measures(records)}


def test_figures_by_hand() -> None:
    good = RewriteOutcome(text="您等", status="verified", origin="wordings")
    poor = RewriteOutcome(text="您等[姓名]", status="unverified", origin="model", changed_facts=["姓名"])
    none = RewriteOutcome(text="", status="none")
    found = _measures(
        record("1", gold=["A01"], draft="你等", rewrite=good),
        record("2", gold=["A01"], draft="你等", rewrite=poor),
        record("3", gold=["A01"], draft="你等", rewrite=none),
        record("4", gold=["A01"], draft="你等"),
        record("5", draft="您等", rewrite=poor),  # breaks nothing: not counted
    )
    assert (found["rewrite_share"].value, found["rewrite_share"].n) == (2 / 4, 4)
    assert (found["rewrite_verified_share"].value, found["rewrite_verified_share"].n) == (1 / 2, 2)
    assert (found["rewrite_ready_share"].value, found["rewrite_ready_share"].n) == (1 / 4, 4)
    assert found["rewrite_wordings_share"].value == 1 / 2
    by_wordings, by_model = found["rewrite_wordings_verified_share"], found["rewrite_model_verified_share"]
    assert (by_wordings.value, by_wordings.n, by_model.value, by_model.n) == (1, 1, 0, 1)
    assert found["rewrite_facts_kept_share"].value == 1 / 2
    assert found["rewrite_placeholder_share"].value == 1 / 2
    # 你等 to 您等: one out, one in, of 4; to 您等[姓名]: one out, five in, of 8.
    assert found["rewrite_edit_distance"].value == pytest.approx((2 / 4 + 6 / 8) / 2)
    # 2 / 2 and 6 / 2.
    assert found["rewrite_length_ratio"].value == 2


def test_a_verified_rewrite_that_waits_for_the_agent_is_not_ready() -> None:
    waiting = RewriteOutcome(text="您等[姓名]", status="verified", origin="wordings", placeholders=["[姓名]"])
    found = _measures(record("1", gold=["A01"], draft="你等", rewrite=waiting))
    assert (found["rewrite_verified_share"].value, found["rewrite_ready_share"].value) == (1, 0)


def test_a_system_without_rewrites_is_undefined() -> None:
    assert {(each.value, each.n) for each in _measures(record("1", gold=["A01"])).values()} == {(None, 0)}


def test_rewrites_that_failed_are_a_share_of_nought() -> None:
    found = _measures(record("1", gold=["A01"], rewrite=RewriteOutcome(text="", status="none")))
    assert found.pop("rewrite_share").value == found.pop("rewrite_ready_share").value == 0
    assert {(each.value, each.n) for each in found.values()} == {(None, 0)}


@pytest.mark.parametrize("text", ["请联系[姓名]。", "[图片]请[姓名]查收", "［工号］"])
def test_placeholders(text: str) -> None:
    assert has_placeholder(text, "[图片]")


@pytest.mark.parametrize("text", ["请联系我们（工作日）。", "请点【我的订单】", "[图片]请看", "[]"])
def test_no_placeholders(text: str) -> None:
    assert not has_placeholder(text, "[图片]")


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_distance_is_a_share(draft: str, rewrite: str) -> None:
    assert 0 <= edit_distance(draft, rewrite) <= 1
    assert edit_distance(draft, draft) == 0


def test_distance_without_rapidfuzz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrites, "Indel", None)
    assert edit_distance("你等", "您等") == 0.5
    assert edit_distance("", "") == 0
