"""What a rewrite changed, and for which rule."""

from reviewer.formats.changes import Change, changes
from reviewer.schema import CauseOut, RewriteOut, SpanOut
from tests.formats.reviews import make_finding, make_review

DRAFT = "您好，你等着吧，款项3天到。"


def rewritten(text: str, *causes: tuple[str, str]) -> RewriteOut:
    spans = [
        CauseOut(rule=rule, span=SpanOut(start=text.index(part), end=text.index(part) + len(part), text=part))
        for rule, part in causes
    ]
    return RewriteOut(text=text, status="verified", causes=spans)


def test_a_change_names_the_rule_that_was_cited() -> None:
    finding = make_finding(DRAFT, "你等着吧，", rule="A04")
    review = make_review(DRAFT, [finding], rewrite=rewritten("您好，请您稍等，款项3天到。"))
    assert changes(review) == (Change("你等着吧，", "请您稍等，", ("A04",)),)


def test_an_addition_names_the_rule_whose_wording_it_is() -> None:
    findings = [make_finding(DRAFT, "你等着吧，", rule="A04"), make_finding(DRAFT, rule="B01")]
    text = "您好，非常抱歉。请您稍等，款项3天到。感谢您的来电。"
    rewrite = rewritten(text, ("B01", "非常抱歉。"), ("C08", "感谢您的来电。"))
    review = make_review(DRAFT, findings, rewrite=rewrite)
    assert [(change.before, change.after, change.rules) for change in changes(review)] == [
        ("你等着吧，", "非常抱歉。请您稍等，", ("B01", "A04")),
        ("", "感谢您的来电。", ("C08",)),
    ]


def test_what_nothing_points_at_is_owed_to_what_is_missing() -> None:
    findings = [make_finding(DRAFT, "你等着吧，", rule="A04"), make_finding(DRAFT, rule="C08")]
    review = make_review(DRAFT, findings, rewrite=rewritten("您好，款项3天到。再见。"))
    assert [change.rules for change in changes(review)] == [("A04",), ("C08",)]


def test_no_rewrite_changed_nothing() -> None:
    assert changes(make_review(DRAFT, [make_finding(DRAFT, DRAFT)])) == ()
