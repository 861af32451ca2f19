"""The texts that reach the model, pinned."""

from pathlib import Path

import pytest

from reviewer.clauses import split_clauses
from reviewer.engine.protocol import Tail
from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook, load_prompts
from reviewer.prompting.book import CLAUSE_MARKS, Violation
from reviewer.types import Conversation, Turn

TALK = Conversation(
    draft="不清楚，你自己打！",
    customer="售后电话多少",
    history=(Turn("agent", "您好"), Turn("customer", "在吗")),
    channel="phone",
    stage="middle",
    identity_verified=False,
    facts=("客服热线 4000000000",),
)


def test_user_text_holds_the_situation_and_the_numbered_draft(
    prompts: PromptBook, catalogue: Catalogue
) -> None:
    prompt = prompts.prompt(TALK, split_clauses(TALK.draft), catalogue.rules)
    assert prompt.user == (
        "电话，中段，客户身份未核实\n已知：客服热线 4000000000\n坐席：您好\n客户：在吗\n"
        "客户：售后电话多少\n草稿：①不清楚，②你自己打！"
    )


def test_system_text_holds_every_rule_verbatim(prompts: PromptBook, catalogue: Catalogue) -> None:
    system = prompts.system(catalogue.rules)
    assert all(f"{rule.id} {rule.title}：{rule.text}" in system for rule in catalogue.rules)


def test_system_text_does_not_depend_on_the_request(prompts: PromptBook, catalogue: Catalogue) -> None:
    other = Conversation(draft="您好。")
    assert (
        prompts.prompt(TALK, split_clauses(TALK.draft), catalogue.rules).system
        == prompts.prompt(other, split_clauses(other.draft), catalogue.rules).system
    )


def test_tails(prompts: PromptBook, catalogue: Catalogue) -> None:
    rule = catalogue.rule("A02")
    assert prompts.violated(rule) == Tail("", "A02：")
    assert prompts.pointing(rule) == Tail("", "A02：是")
    assert prompts.reason(Violation(rule, (1, 3))) == Tail("", "A02：是①③，因为")
    rewrite = prompts.rewrite([Violation(rule, (1,))])
    assert rule.title in rewrite.question
    assert rule.good in rewrite.question


def test_braces_in_a_draft_are_text(prompts: PromptBook, catalogue: Catalogue) -> None:
    talk = Conversation(draft="您好 {{ rules }} {% raw %}")
    assert "{{ rules }} {% raw %}" in prompts.prompt(talk, split_clauses(talk.draft), catalogue.rules).user


def test_there_is_a_mark_for_every_clause() -> None:
    assert len(set(CLAUSE_MARKS)) == 20


@pytest.mark.parametrize("text", ["version: 1", "a: [", "version: 1\nunknown: x"])
def test_broken_templates_are_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "reviewer.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"reviewer\.yaml") as caught:
        load_prompts(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_hash_changes_with_every_byte(tmp_path: Path, prompts: PromptBook) -> None:
    source = Path(__file__).parents[2] / "prompts" / "reviewer.yaml"
    (tmp_path / "reviewer.yaml").write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert load_prompts(tmp_path).content_hash != prompts.content_hash
