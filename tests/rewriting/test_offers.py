"""The loop: mended, verified, mended again with what was found, and the better of two."""

from collections.abc import Sequence

import pytest

from reviewer.deadline import Deadline
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.resources import resource_dir
from reviewer.rewriting import (
    Mended,
    Offer,
    Proposal,
    Verdict,
    WordingBook,
    better,
    load_wordings,
    mend,
    mend_and_verify,
    offers,
)
from reviewer.types import Finding, Span
from tests.rewriting.situations import asked, cited

CATALOGUE = load_catalogue(resource_dir("corpus"))
BOOK = load_wordings(resource_dir("corpus"), CATALOGUE)
DRAFT = "这个我不知道。仓库肯定没错。"


class ScriptedJudge:
    """Gives the verdicts in turn, made from the text that is judged, and keeps what it saw."""

    def __init__(self, *finds: Sequence[tuple[str, str]]) -> None:
        self._finds = list(finds)
        self.seen: list[str] = []
        self.dropped: list[Sequence[Span]] = []
        self.forbidden: list[Sequence[str]] = []

    def __call__(self, proposal: Proposal, mended: Mended) -> Verdict:
        self.seen.append(proposal.text)
        self.dropped.append(mended.dropped)
        self.forbidden.append(mended.forbidden)
        found = self._finds.pop(0)
        findings = tuple(cited(CATALOGUE, rule, proposal.text, quote) for rule, quote in found)
        return Verdict(not findings, findings)


def offered(judge: ScriptedJudge, *findings: Finding, deadline: Deadline | None = None) -> Offer | None:
    return mend_and_verify(asked(DRAFT), findings, BOOK, judge=judge, deadline=deadline or Deadline())


def test_a_reply_that_passes_is_not_mended_again() -> None:
    judge = ScriptedJudge([])
    offer = offered(judge, cited(CATALOGUE, "A02", DRAFT, "这个我不知道。"))
    assert offer is not None
    assert offer.verdict.verified
    assert (offer.origin, len(judge.seen)) == ("wordings", 1)
    assert [(rule, offer.text[span.start : span.end]) for rule, span in offer.causes] == [
        ("A02", BOOK.mendings["A02"].wordings[1].text)
    ]


def test_what_is_found_of_the_reply_is_mended_in_the_draft() -> None:
    judge = ScriptedJudge([("B02", "仓库肯定没错。")], [])
    offer = offered(judge, cited(CATALOGUE, "A02", DRAFT, "这个我不知道。"))
    assert offer is not None
    assert offer.verdict.verified
    assert "仓库肯定没错" in judge.seen[0]
    assert "仓库肯定没错" not in judge.seen[1]


def test_a_wording_that_did_not_help_gives_way_to_the_next() -> None:
    judge = ScriptedJudge([("A02", "您看可以吗？")], [])
    offered(judge, cited(CATALOGUE, "A02", DRAFT, "这个我不知道。"))
    assert "仓库肯定没错。" in judge.seen[1], "the reply's own wording says nothing new of the draft"
    assert "请您稍等" in judge.seen[1]


def test_a_leak_that_is_found_again_is_cut_further() -> None:
    draft = "老张手机13900001111。仓库在三楼，转机直接拨88。"
    judge = ScriptedJudge([("E02", "转机直接拨88。")], [])
    finding = cited(CATALOGUE, "E02", draft, "老张手机13900001111。")
    mend_and_verify(asked(draft), [finding], BOOK, judge=judge, deadline=Deadline())
    assert "88" not in judge.seen[1]
    assert {"老张手机13900001111。", "转机直接拨88。"} <= {span.text for span in judge.dropped[1]}


def test_the_best_of_three_is_offered_and_there_is_no_fourth() -> None:
    judge = ScriptedJudge(
        [("A02", "您"), ("D02", "您")], [("A02", "您")], *[[("B02", "您"), ("A02", "您")]] * 2
    )
    offer = offered(judge, cited(CATALOGUE, "A02", DRAFT, "这个我不知道。"))
    assert offer is not None
    assert not offer.verdict.verified
    assert offer.text == judge.seen[1]
    assert len(judge.seen) <= 4


def test_past_the_deadline_nothing_is_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge([("B02", "仓库肯定没错。")], [])
    finding = cited(CATALOGUE, "A02", DRAFT, "这个我不知道。")
    made: list[Mended] = []

    def counted(*args: object, **known: object) -> Mended:
        made.append(mend(*args, **known))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(offers, "mend", counted)
    assert offered(judge, finding, deadline=Deadline.after_ms(0)) is not None
    assert (len(judge.seen), len(made)) == (1, 1)


def test_what_was_lost_uncited_is_told_and_forbids_verified() -> None:
    draft = "这单我做主给您免了，三年不带花的。发票已开。"
    finding = cited(CATALOGUE, "D02", draft, "这单我做主给您免了")
    judge = ScriptedJudge([], [], [], [])
    offer = mend_and_verify(asked(draft), [finding], BOOK, judge=judge, deadline=Deadline())
    assert offer is not None
    assert not offer.verdict.verified
    assert offer.verdict.changed_facts == ("丢失：三年不带花的。",)
    assert offer.text.startswith("发票已开。")


def test_a_rule_found_on_the_way_forbids_what_it_forbids() -> None:
    draft = "这个我不知道。全怪我们。赔您500元。"
    judge = ScriptedJudge([("B04", "全怪我们。")], [])
    finding = cited(CATALOGUE, "A02", draft, "这个我不知道。")
    mend_and_verify(asked(draft), [finding], BOOK, judge=judge, deadline=Deadline())
    entry = BOOK.get("B04")
    assert entry is not None
    assert judge.forbidden == [(), (entry.forbidden,)]


def test_without_wordings_there_is_no_offer(catalogue: Catalogue) -> None:
    finding = cited(catalogue, "A02", DRAFT, "这个我不知道。")
    judge = ScriptedJudge()
    assert mend_and_verify(asked(DRAFT), [finding], WordingBook(), judge=judge, deadline=Deadline()) is None


def test_a_rule_without_a_wording_is_named_in_the_note() -> None:
    half = WordingBook({"A02": BOOK.mendings["A02"]})
    findings = [cited(CATALOGUE, "A02", DRAFT, "这个我不知道。"), cited(CATALOGUE, "B02", DRAFT, "仓库")]
    judge = ScriptedJudge(*[[("B02", "您")]] * 4)
    offer = mend_and_verify(asked(DRAFT), findings, half, judge=judge, deadline=Deadline())
    assert offer is not None
    assert offer.verdict.note == "手册没有 B02 的批准说法"


def test_the_verified_offer_wins_then_the_lighter_then_the_earlier() -> None:
    finding = cited(CATALOGUE, "A01", DRAFT)
    good = Offer("好", "model", Verdict(True))
    poor = Offer("差", "wordings", Verdict(False, (finding,)))
    worse = Offer("更差", "model", Verdict(False, (finding, finding)))
    assert better(poor, good) is good
    assert better(worse, poor, None) is poor
    assert better(poor, Offer("同", "model", poor.verdict)) is poor
    assert better(None) is None


def test_a_suspicion_on_the_kept_words_cuts_them_and_adds_no_wording() -> None:
    draft = "这个我不知道。您等着瞧。运费12元。"
    doubt = cited(CATALOGUE, "A05", "您等着瞧。运费12元。", "您等着瞧。")
    verdicts = [Verdict(False, suspects=(doubt,)), Verdict(True)]
    seen: list[str] = []

    def judge(proposal: Proposal, mended: Mended) -> Verdict:
        seen.append(proposal.text)
        assert mended.rest.text in proposal.text
        return verdicts.pop(0)

    finding = cited(CATALOGUE, "A02", draft, "这个我不知道。")
    offer = mend_and_verify(asked(draft), [finding], BOOK, judge=judge, deadline=Deadline())
    assert offer is not None
    assert offer.verdict.verified
    assert seen[0].startswith("您等着瞧。运费12元。")
    assert seen[1] == seen[0].removeprefix("您等着瞧。")


def test_the_wordings_alone_are_the_last_resort() -> None:
    draft = "这个我不知道。外头天气好得很呢。运费12元。"
    seen: list[str] = []

    def strict(proposal: Proposal, mended: Mended) -> Verdict:
        seen.append(proposal.text)
        assert mended.text == proposal.text
        return Verdict("天气" not in proposal.text)

    finding = cited(CATALOGUE, "A02", draft, "这个我不知道。")
    offer = mend_and_verify(asked(draft), [finding], BOOK, judge=strict, deadline=Deadline())
    assert offer is not None
    assert offer.verdict.verified
    assert "天气" in seen[0]
    assert offer.text.startswith("运费12元。")


def test_a_reply_of_which_nothing_is_left_is_not_verified() -> None:
    draft = "好的，烦死了。"
    finding = cited(CATALOGUE, "C01", draft)
    doubt = cited(CATALOGUE, "A05", "好的，烦死了。", "烦死了。")
    verdicts = [Verdict(False, suspects=(doubt,)), Verdict(True)]
    offer = mend_and_verify(
        asked(draft), [finding], BOOK, judge=lambda *_: verdicts.pop(0), deadline=Deadline()
    )
    assert offer is not None
    assert not offer.verdict.verified
