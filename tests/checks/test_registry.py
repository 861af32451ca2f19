"""Every check fires on what breaks its rule and stays silent on what only looks like it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.checks import registry
from reviewer.checks.registry import CHECKS, Check, CheckSettings, run_checks
from reviewer.checks.subject import Subject, make_subject
from reviewer.types import Conversation, Hit, Stage
from tests.checks.examples import EXAMPLES, Example

BY_NAME = {check.name: check for check in CHECKS}
FIRES = [(name, example) for name, examples in EXAMPLES.items() for example in examples.fires]
SILENT = [(name, example) for name, examples in EXAMPLES.items() for example in examples.silent]


def hits_of(name: str, example: Example) -> tuple[Hit, ...]:
    return BY_NAME[name].find(make_subject(example.conversation(), CheckSettings(example.public)))


@pytest.mark.parametrize(("name", "example"), FIRES, ids=lambda value: getattr(value, "draft", value))
def test_check_fires(name: str, example: Example) -> None:
    hits = hits_of(name, example)
    assert [hit.rule_id for hit in hits] == [example.rule]
    assert hits[0].reason.endswith("。")
    for span in hits[0].spans:
        assert span.text
        assert span.text == example.draft[span.start : span.end]


@pytest.mark.parametrize(("name", "example"), SILENT, ids=lambda value: getattr(value, "draft", value))
def test_check_stays_silent(name: str, example: Example) -> None:
    assert hits_of(name, example) == ()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_has_enough_examples_of_both_kinds(check: Check) -> None:
    examples = EXAMPLES[check.name]
    assert len(examples.fires) >= 8
    assert len(examples.silent) >= 8
    assert {example.rule for example in examples.fires} == set(check.rule_ids)
    assert all(not example.rule for example in examples.silent)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_has_examples_in_other_notations(check: Check) -> None:
    drafts = [example.draft for example in (*EXAMPLES[check.name].fires, *EXAMPLES[check.name].silent)]
    folded = [make_subject(Conversation(draft=draft), CheckSettings()).draft.text for draft in drafts]
    changed = [draft for draft, text in zip(drafts, folded, strict=True) if draft.lower() != text]
    assert any(
        any(char.isalnum() and char not in text for char in draft)
        for draft, text in zip(drafts, folded, strict=True)
    )
    assert changed


def test_examples_name_only_registered_checks() -> None:
    assert set(EXAMPLES) == set(BY_NAME)


def test_run_checks_returns_the_hits_of_all_checks_in_order() -> None:
    draft = "他证件号110101199003070011，定金转我个人微信，您爱投诉就投诉。"
    hits = run_checks(Conversation(draft=draft, stage="closing"), CheckSettings())
    assert [hit.rule_id for hit in hits] == ["E01", "A05", "E03", "C08"]


def test_public_numbers_are_compared_by_their_digits() -> None:
    conversation = Conversation(draft="值班经理电话13812340098，您拨打即可。")
    assert [hit.rule_id for hit in run_checks(conversation, CheckSettings())] == ["E02"]
    assert run_checks(conversation, CheckSettings(public_numbers=("(+86) 138-1234-0098",))) == ()


def test_a_check_that_fails_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(subject: Subject) -> tuple[Hit, ...]:
        raise RuntimeError("broken check")

    failing = dataclasses.replace(CHECKS[0], find=broken)
    monkeypatch.setattr(registry, "CHECKS", (failing, *CHECKS[1:]))
    with pytest.raises(RuntimeError, match="broken check"):
        run_checks(Conversation(draft="您好"), CheckSettings())


@pytest.mark.parametrize(
    "filler", ["您好，请稍等。", "活该", "20个工作日", "微信转我20", "13812340098", "“", "😊", "一"]
)
def test_a_draft_of_twenty_thousand_characters_is_checked(filler: str) -> None:
    draft = (filler * (20_000 // len(filler) + 1))[:20_000]
    for hit in run_checks(Conversation(draft=draft, customer="投诉"), CheckSettings()):
        assert all(span.text == draft[span.start : span.end] for span in hit.spans)


FRAGMENTS = st.sampled_from(
    [
        "您好",
        "我",
        "微信",
        "转我",
        "１３８12340098",
        "師傅電話",
        " ",
        "\u200b",
        "，",
        "。",
        "“",
        "”",
        "20个工作日",
        "答复您",
        "好评",
    ]
)


@given(
    st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=12).map("".join),
    st.sampled_from(["opening", "closing", "middle", "unknown"]),
)
def test_spans_are_verbatim_for_any_draft(draft: str, stage: Stage) -> None:
    for hit in run_checks(Conversation(draft=draft, stage=stage), CheckSettings()):
        for span in hit.spans:
            assert span.text == draft[span.start : span.end] != ""
