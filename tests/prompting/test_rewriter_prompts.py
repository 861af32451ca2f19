"""The short texts that reach a model that was trained to rewrite."""

from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook, load_rewriter_prompts
from reviewer.prompting.book import Violation
from reviewer.resources import resource_dir
from reviewer.types import Turn
from tests.prompting.test_book import TALK


@pytest.fixture(scope="module")
def short() -> PromptBook:
    return load_rewriter_prompts(resource_dir("prompts"))


def test_user_text_holds_the_situation_and_the_draft_as_it_is(short: PromptBook) -> None:
    assert short.prompt(TALK, (), ()).user == (
        "电话，中段，身份未核实\n已知：客服热线 4000000000\n坐席：您好\n客户：在吗\n"
        "客户：售后电话多少\n草稿：不清楚，你自己打！"
    )


def test_only_the_last_turns_and_the_end_of_long_ones_are_told(short: PromptBook) -> None:
    turns = tuple(Turn("customer", f"第{number}句" + "长" * 300) for number in range(4))
    user = short.prompt(replace(TALK, history=turns, customer="问" * 500), (), ()).user
    assert "第" not in user
    assert user.count("长") == 320
    assert user.count("问") == 240


def test_the_draft_is_never_cut(short: PromptBook) -> None:
    draft = "好" * 3000
    assert short.prompt(replace(TALK, draft=draft), (), ()).user.endswith(f"草稿：{draft}")


def test_the_system_text_is_short_and_knows_no_rule(short: PromptBook, catalogue: Catalogue) -> None:
    assert short.system(catalogue.rules) == short.system(())
    assert len(short.system(())) < 100


def test_every_violated_rule_brings_its_requirement_and_approved_wording(
    short: PromptBook, catalogue: Catalogue
) -> None:
    first, second = catalogue.rule("A02"), catalogue.rule("E02")
    tail = short.rewrite([Violation(first, (), "我来核实。"), Violation(second, ())])
    assert tail.question == (
        f"\n违反：{first.title}。{first.require}。参考：我来核实。\n违反：{second.title}。{second.require}。\n"
    )
    assert tail.answer == ""
    assert short.rewrite([]).question == "\n没有违反\n"


def test_the_hash_is_that_of_the_rewriters_texts_alone(short: PromptBook, tmp_path: Path) -> None:
    source = resource_dir("prompts")
    for name in ("reviewer.yaml", "rewriter.yaml"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    with (tmp_path / "reviewer.yaml").open("a", encoding="utf-8") as stream:
        stream.write("# more\n")
    assert load_rewriter_prompts(tmp_path).content_hash == short.content_hash
    with (tmp_path / "rewriter.yaml").open("a", encoding="utf-8") as stream:
        stream.write("# more\n")
    assert load_rewriter_prompts(tmp_path).content_hash != short.content_hash


def test_a_missing_or_unknown_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reviewer.yaml").write_bytes((resource_dir("prompts") / "reviewer.yaml").read_bytes())
    with pytest.raises(CorpusError, match=r"rewriter\.yaml"):
        load_rewriter_prompts(tmp_path)
    (tmp_path / "rewriter.yaml").write_text("version: 1\nsystem: x\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="无效"):
        load_rewriter_prompts(tmp_path)
