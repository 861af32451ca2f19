"""Who writes the rewrite: approved wordings first, the model where they do not pass, the better of both."""

from dataclasses import replace

import pytest

from reviewer import pipeline
from reviewer.deadline import Deadline
from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import EngineError
from reviewer.manual.catalogue import Catalogue
from reviewer.pipeline import Listener, Options, Pipeline
from reviewer.prompting import PromptBook
from reviewer.resources import resource_dir
from reviewer.rewriting import Offer, WordingBook, load_wordings, mend_and_verify
from reviewer.schema import Review, ReviewRequest
from reviewer.types import RewriteBy
from tests.pipeline_parts import make_pipeline
from tests.test_pipeline import DRAFT, REWRITE, says_yes_to, writes


@pytest.fixture
def book(catalogue: Catalogue) -> WordingBook:
    return load_wordings(resource_dir("corpus"), catalogue)


@pytest.fixture
def engine() -> FakeEngine:
    """Finds A02 in the draft and nothing in what it writes instead."""
    return FakeEngine(logits=says_yes_to(["A02"], in_draft="不清楚"), text=writes(REWRITE))


def with_wordings(
    catalogue: Catalogue, prompts: PromptBook, engine: FakeEngine, book: WordingBook, by: RewriteBy = "auto"
) -> Pipeline:
    return replace(make_pipeline(catalogue, prompts, engine), wordings=book, rewrites_by=by)


def reviewed(pipeline: Pipeline, draft: str, customer: str = "", heard: list[str] | None = None) -> Review:
    request = ReviewRequest(draft=draft, customer=customer, channel="online", stage="middle")
    listener = Listener(rewrite_text=(heard if heard is not None else []).append)
    return pipeline.review(request, Options(), listener)


def written(engine: FakeEngine) -> int:
    return sum("改写" in tail.question for _, tail in engine.generated)


def test_a_colleagues_number_becomes_a_verified_reply_without_it(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    engine = FakeEngine(logits=says_yes_to([], in_draft=""))
    heard: list[str] = []
    rewrite = reviewed(
        with_wordings(catalogue, prompts, engine, book),
        "您好，安装单A1024已登记。安装师傅手机是13900001111，您直接打给他。",
        "师傅电话多少",
        heard,
    ).rewrite
    assert (rewrite.status, rewrite.origin) == ("verified", "wordings")
    assert rewrite.text.startswith("您好，安装单A1024已登记。")
    assert "139" not in rewrite.text
    assert rewrite.placeholders == ["[具体时间]"]
    assert [(cause.rule, cause.span.text) for cause in rewrite.causes] == [("E02", rewrite.text[15:])]
    assert heard == [], "what is verified already is not shown as being verified"
    assert engine.generated == [], "the language model is not asked"


def test_a_private_payment_gets_the_official_way_out(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    engine = FakeEngine(logits=says_yes_to([], in_draft=""))
    result = reviewed(
        with_wordings(catalogue, prompts, engine, book), "您加我微信，钱转我个人账户就行，便宜两百。"
    )
    assert result.verdict == "block"
    assert result.rewrite.status == "verified"
    assert "官方渠道" in result.rewrite.text
    assert "微信" not in result.rewrite.text
    assert result.rewrite.placeholders == []


def test_the_model_writes_where_the_wordings_do_not_pass(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    def logits(prompt: Prompt, tail: Tail, choice: str) -> float:
        unmarked = "".join(char for char in prompt.user if not "①" <= char <= "⑳")
        violated = tail.answer.startswith("A02") and REWRITE not in unmarked
        return 4.0 if (choice == "是") == violated else -4.0

    engine = FakeEngine(logits=logits, text=writes(REWRITE))
    rewrite = reviewed(with_wordings(catalogue, prompts, engine, book), DRAFT).rewrite
    assert (rewrite.text, rewrite.status, rewrite.origin) == (REWRITE, "verified", "model")
    assert written(engine) == 1


def test_the_better_of_two_that_fail_is_shown_unverified(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    engine = FakeEngine(
        logits=says_yes_to(["A02"], in_draft="您"), text=writes("您的320元王经理明天上午9点给您。")
    )
    rewrite = reviewed(with_wordings(catalogue, prompts, engine, book), DRAFT).rewrite
    assert (rewrite.status, rewrite.origin) == ("unverified", "wordings")
    assert [finding.rule.id for finding in rewrite.findings] == ["A02"]
    assert rewrite.changed_facts == []


def test_a_model_that_fails_leaves_the_wordings_and_says_so(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    def fail(_prompt: object, tail: object) -> str:
        raise EngineError("模型坏了")

    engine = FakeEngine(logits=says_yes_to(["A02"], in_draft="您"), text=fail)
    rewrite = reviewed(with_wordings(catalogue, prompts, engine, book), DRAFT).rewrite
    assert (rewrite.status, rewrite.origin) == ("unverified", "wordings")
    assert rewrite.note.endswith("语言模型没有写成：模型坏了")


def test_wordings_alone_never_ask_the_model(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    engine = FakeEngine(logits=says_yes_to(["A02"], in_draft="您"), text=writes(REWRITE))
    rewrite = reviewed(with_wordings(catalogue, prompts, engine, book, "wordings"), DRAFT).rewrite
    assert (rewrite.status, rewrite.origin) == ("unverified", "wordings")
    assert written(engine) == 0
    none = reviewed(with_wordings(catalogue, prompts, engine, WordingBook(), "wordings"), DRAFT).rewrite
    assert (none.status, none.origin) == ("none", "")
    assert "wordings.yaml" in none.note
    model = reviewed(with_wordings(catalogue, prompts, engine, WordingBook()), DRAFT).rewrite
    assert (model.status, model.origin) == ("unverified", "model")
    assert "wordings.yaml" in model.note


def test_the_model_alone_never_uses_the_wordings(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook, engine: FakeEngine
) -> None:
    rewrite = reviewed(with_wordings(catalogue, prompts, engine, book, "model"), DRAFT).rewrite
    assert (rewrite.text, rewrite.status, rewrite.origin) == (REWRITE, "verified", "model")
    assert rewrite.causes == []


def test_a_placeholder_of_the_draft_is_not_to_be_filled_in(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    engine = FakeEngine(logits=says_yes_to(["A02"], in_draft="不清楚", clause="②"))
    rewrite = reviewed(
        with_wordings(catalogue, prompts, engine, book), "[图片]您看一下。不清楚，您自己想办法！"
    ).rewrite
    assert "[图片]" in rewrite.text
    assert rewrite.placeholders == ["[具体时间]"]


def test_a_placeholder_of_the_wordings_is_to_be_filled_in_even_if_the_draft_has_it(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    engine = FakeEngine(logits=says_yes_to(["A02"], in_draft="不清楚", clause="②"))
    rewrite = reviewed(
        with_wordings(catalogue, prompts, engine, book), "我[具体时间]前给您回复。不清楚，您自己想办法！"
    ).rewrite
    assert "我[具体时间]前给您回复。" in rewrite.text
    assert rewrite.placeholders == ["[具体时间]"]


def test_past_the_deadline_the_language_model_is_not_loaded(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    at: list[Deadline] = []

    def late(*args: object, deadline: Deadline, **known: object) -> Offer | None:
        offer = mend_and_verify(*args, deadline=deadline, **known)  # type: ignore[arg-type]
        at.append(deadline)
        return offer

    monkeypatch.setattr(pipeline, "mend_and_verify", late)
    monkeypatch.setattr(Deadline, "expired", property(lambda _self: bool(at)))
    engine = FakeEngine(logits=says_yes_to(["A02"], in_draft="您"), text=writes(REWRITE))
    rewrite = reviewed(with_wordings(catalogue, prompts, engine, book), DRAFT).rewrite
    assert (rewrite.status, rewrite.origin, written(engine)) == ("unverified", "wordings", 0)
    assert rewrite.note == "时间到限，语言模型没有再写"
