from hypothesis import given
from hypothesis import strategies as st

from reviewer.formats.marking import Segment, circled, segments
from reviewer.types import Severity
from tests.formats.reviews import make_finding

DRAFT = "你等着\n吧，别问了🙏👨\u200d👩。"
BOUNDS = st.tuples(st.integers(0, len(DRAFT)), st.integers(0, len(DRAFT))).map(
    lambda pair: (min(pair), max(pair))
)
SEVERITY = st.sampled_from(["red", "major", "minor"])


@given(st.lists(st.tuples(st.lists(BOUNDS, max_size=3), SEVERITY), max_size=5))
def test_segments_join_to_the_draft_and_cover_every_span(
    parts: list[tuple[list[tuple[int, int]], Severity]],
) -> None:
    findings = [make_finding(DRAFT, *bounds, severity=severity) for bounds, severity in parts]
    pieces = segments(DRAFT, findings)
    assert "".join(piece.text for piece in pieces) == DRAFT
    on_char = [piece.numbers for piece in pieces for _ in piece.text]
    for offset in range(len(DRAFT)):
        hits = {n for n, (bounds, _) in enumerate(parts, 1) if any(a <= offset < b for a, b in bounds)}
        assert hits <= set(on_char[offset])
        assert bool(hits) == bool(on_char[offset])
    for piece in pieces:
        severities = [parts[number - 1][1] for number in piece.numbers]
        assert piece.severity == min(severities, key=["red", "major", "minor"].index, default=None)


def test_overlap_is_one_piece_and_touching_findings_are_two() -> None:
    draft = "甲乙丙丁戊"
    findings = [
        make_finding(draft, "甲乙", severity="minor"),
        make_finding(draft, "乙丙", severity="red"),
        make_finding(draft, "丁", severity="major"),
    ]
    assert segments(draft, findings) == [
        Segment("甲乙丙", (1, 2), "red"),
        Segment("丁", (3,), "major"),
        Segment("戊", (), None),
    ]


def test_touching_clauses_of_one_finding_are_one_piece() -> None:
    draft = "甲，乙。"
    assert segments(draft, [make_finding(draft, "甲，", "乙。")]) == [Segment(draft, (1,), "minor")]


def test_a_clean_draft_is_one_piece() -> None:
    assert segments("您好", []) == [Segment("您好", (), None)]
    assert segments("您好", [make_finding("您好", (1, 1))]) == [Segment("您好", (), None)]


def test_circled_numbers_go_on_beyond_the_characters_there_are() -> None:
    assert [circled(number) for number in (1, 20, 21, 50, 51)] == ["①", "⑳", "㉑", "㊿", "(51)"]
