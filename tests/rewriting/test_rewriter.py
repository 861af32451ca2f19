"""What the model writes is cleaned before anyone sees it; verification says what is wrong with it."""

import itertools

import pytest

from reviewer.deadline import Deadline
from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Ended, Prompt
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook
from reviewer.prompting.book import Violation
from reviewer.rewriting import Proposal, Rewriter, Verdict, verify
from reviewer.rewriting.verification import Demands, Regrading
from reviewer.types import Finding, Span

PROMPT = Prompt("规则", "草稿")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("您好，请稍等。", "您好，请稍等。"),
        ("改写：您好，请稍等。", "您好，请稍等。"),
        ("改写后的回复： “您好，请稍等。”", "您好，请稍等。"),
        ("①您好，②请稍等。", "您好，请稍等。"),
        ("“您好”和“请”都要说。“好”", "“您好”和“请”都要说。“好”"),
        ("", ""),
    ],
)
def test_labels_quotes_and_marks_are_removed(
    catalogue: Catalogue, prompts: PromptBook, written: str, shown: str
) -> None:
    rewriter = Rewriter(FakeEngine(text=lambda *_: written), prompts)
    violation = Violation(catalogue.rule("A02"), (1,))
    assert rewriter.propose(PROMPT, [violation], deadline=Deadline()) == Proposal(shown, "end")


def regraded(*findings: Finding, complete: bool = True) -> Regrading:
    return Regrading(findings, complete)


def judge(text: str, draft: str, regrading: Regrading, *, ended: Ended = "end") -> tuple[bool, str]:
    verdict = verify(
        Proposal(text, ended),
        draft,
        Demands(),
        recheck=lambda draft: regrading if draft == text else regraded(complete=False),
    )
    return verdict.verified, verdict.note


def test_only_a_clean_complete_and_faithful_rewrite_is_verified(catalogue: Catalogue) -> None:
    draft, good = "你的320元3天内到。", "您的320元3天内到账，请您留意。"
    finding = Finding(catalogue.rule("A01"), 0.9, (Span(0, 1, "您"),), "", "grader")
    assert judge(good, draft, regraded()) == (True, "")
    assert judge(good, draft, regraded(), ended="length") == (False, "改写过长，没有写完")
    assert judge(good, draft, regraded(), ended="stop")[0] is False
    assert judge("您的320元3天内到，工号[工号]。", draft, regraded()) == (True, "")
    assert judge(good, draft, regraded(finding)) == (False, "")
    assert judge(good, draft, regraded(complete=False)) == (False, "未能核对全部规则")
    assert judge("您的款项3天内到账。", draft, regraded()) == (False, "")
    assert judge("你的320元 3天内到。", draft, regraded())[1] == "改写与草稿相同，问题未改掉"


def test_faults_are_compared_by_gravity_then_by_facts(catalogue: Catalogue) -> None:
    minor, red = (Finding(catalogue.rule(rule), 0.9, (), "", "grader") for rule in ("A01", "D02"))
    order = (
        Verdict(True),
        Verdict(False, note="改写里仍有“赔您500”"),
        Verdict(False, changed_facts=("丢失：3天",)),
        Verdict(False, (minor,)),
        Verdict(False, (minor, minor)),
        Verdict(False, (red,)),
        Verdict(False, note="改写过长，没有写完", judged=False),
    )
    faults = [verdict.faults for verdict in order]
    assert all(better < worse for better, worse in itertools.pairwise(faults))


def test_what_follows_a_blank_line_makes_the_rewrite_incomplete(
    catalogue: Catalogue, prompts: PromptBook
) -> None:
    rewriter = Rewriter(FakeEngine(text=lambda *_: "您好。\n\n解释：……"), prompts)
    proposal = rewriter.propose(PROMPT, [Violation(catalogue.rule("A02"), (1,))], deadline=Deadline())
    assert proposal == Proposal("您好。", "stop")


def test_a_rewrite_that_keeps_the_words_a_check_found_is_not_verified() -> None:
    draft = "您加我微信，钱转我个人账户。"
    verdict = verify(
        Proposal("好的，您加我微信，我给您办。", "end"),
        draft,
        Demands(banned=[Span(1, 5, "加我微信")]),
        recheck=lambda _draft: regraded(),
    )
    assert not verdict.verified
    assert verdict.note == "改写里仍有“加我微信”"


def test_a_promise_beside_a_breach_of_authority_is_not_verified() -> None:
    def judged(text: str) -> Verdict:
        draft = "这单我给您免了。补您500元，我的工号1024。"
        return verify(
            Proposal(text, "end"),
            draft,
            Demands(known="工号8866", forbidden=["补您\\d+元"]),
            recheck=lambda _draft: regraded(),
        )

    promise = judged("我现在上报主管。补您500元，我的工号1024。")
    assert (promise.verified, promise.note, promise.judged) == (False, "改写里仍有“补您500元”", True)
    assert judged("500元我现在上报主管，我的工号1024。").verified
    two = judged("500元我现在上报主管，工号8866，我的工号1024。")
    assert (two.verified, two.note) == (False, "改写里有不止一个工号：1024、8866")


def test_what_is_kept_of_the_draft_has_to_pass_by_itself(catalogue: Catalogue) -> None:
    insult = Finding(catalogue.rule("A05"), 0.9, (Span(0, 2, "蠢货"),), "", "grader")
    bare = Finding(catalogue.rule("C11"), 0.9, (), "", "grader")
    text, rest = "非常抱歉。蠢货，已发货。", "蠢货，已发货。"

    def judged(alone: Regrading) -> Verdict:
        demands = Demands(rest=rest, pointing=["A05"], known=text)
        return verify(
            Proposal(text, "end"),
            "蠢货，快递已发货。",
            demands,
            recheck=lambda draft: alone if draft == rest else regraded(),
        )

    threat = judged(regraded(insult))
    assert (threat.verified, threat.rest) == (False, (insult,))
    assert threat.note == "保留的原话单独核对，仍不符合 A05"
    assert judged(regraded(bare)).verified, "something is missing from a part, of course"
    assert not judged(Regrading((), True, (insult,))).verified


def test_a_rule_that_a_wording_fulfils_to_the_letter_is_not_asked_again(catalogue: Catalogue) -> None:
    greeting = Finding(catalogue.rule("C01"), 0.6, (), "", "grader")
    text = "您好，我是您的客服专员。已发货。"
    for settled, verified in ((["C01"], True), ([], False)):
        demands = Demands(settled=settled)
        verdict = verify(
            Proposal(text, "end"), "已发货。", demands, recheck=lambda _draft: regraded(greeting)
        )
        assert verdict.verified is verified
