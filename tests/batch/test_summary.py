"""What is said at the end of a batch."""

from reviewer.batch import Changes, Line, Summary, Was
from reviewer.schema import NotAssessedOut, Review
from tests.formats.reviews import make_finding, make_review


def test_the_summary_names_rules_gravest_and_most_frequent_first() -> None:
    summary = Summary()
    draft = "你等钱转我。"
    minor, other = make_finding(draft, "你"), make_finding(draft, "等", rule="A03", title="催促")
    red = make_finding(draft, "钱转我", rule="E03", title="私下交易", severity="red")
    for findings in ([minor], [minor, red], [other, minor]):
        summary.add(make_review(draft, findings))
    summary.add(make_review(draft, not_assessed=[NotAssessedOut(rule="E01", severity="red", why="到时限")]))
    assert summary.to_text(faults=2) == (
        "4 条：通过 0；建议修改 2；拦截，不可发送 1；未能完成审核 1\n"
        "其中 1 条有规则没有审到，不能当作通过。\n"
        "另有 2 处不能审核，见上面的说明。\n"
        "  E03 私下交易（红线）：1 条\n"
        "  A01 敬语称谓（轻微）：3 条\n"
        "  A03 催促（轻微）：1 条\n"
    )


def line_of(name: str, review: Review, was: Was | None) -> Line:
    return Line(id=name, key="k", request="r", review=review, was=was)


def test_changes_are_listed_gravest_first_with_what_came_and_went() -> None:
    changes = Changes()
    draft = "你等钱转我。"
    minor = make_finding(draft, "你")
    red = make_finding(draft, "钱转我", rule="E03", title="私下交易", severity="red")
    passed = Was(manual="m", verdict="pass", rules={})
    revise = Was(manual="m", verdict="revise", rules={"A01": "敬语称谓"})
    blocked = Was(manual="m", verdict="block", rules={"E03": "私下交易"})
    for number, (findings, was) in enumerate(
        [
            ([], revise),
            ([minor], passed),
            ([red, minor], blocked),
            ([red], passed),
            ([minor], revise),
            ([], None),
        ]
    ):
        changes.add(line_of(f"r{number}", make_review(draft, findings), was))
    changes.add(line_of("r\n6", make_review(draft, notes=["沿用旧手册（m）下的审核：…"]), revise))
    assert changes.to_text() == (
        "与上次相比：5 条的结论或引用的规则变了；沿用旧审核 1 条；1 条是新的。\n"
        "  r3：通过 → 拦截，不可发送；多了 E03 私下交易\n"
        "  r2：拦截，不可发送；多了 A01 敬语称谓\n"
        "  r1：通过 → 建议修改；多了 A01 敬语称谓\n"
        "  r0：建议修改 → 通过；少了 A01 敬语称谓\n"
        "  r⏎6：建议修改 → 通过；少了 A01 敬语称谓\n"
    )
