"""Clauses cover the draft, are exact, and never cut inside a number or a link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.clauses import clauses_of, split_clauses

DRAFTS = st.text(
    st.one_of(st.characters(), st.sampled_from('您好的，。！？；…～~!?;,"”） \r\n\t１2.:😊\ufe0f\u0301')),
    max_size=200,
)


def texts(draft: str, *, limit: int = 20) -> list[str]:
    return [clause.span.text for clause in split_clauses(draft, limit=limit)]


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("", []),
        (" \r\n\t\u3000", []),
        ("您好", ["您好"]),
        ("您好，请稍等。", ["您好，", "请稍等。"]),
        ("您好,请问要哪款?", ["您好,", "请问要哪款?"]),
        ("真的？！好的……谢谢～", ["真的？！", "好的……", "谢谢～"]),
        ("共3.5公斤，1,299元，12:30到", ["共3.5公斤，", "1,299元，", "12:30到"]),
        ("要3~5天；9点～11点上门", ["要3~5天；", "9点～11点上门"]),
        ("他说“等着。”然后挂了。", ["他说“等着。”", "然后挂了。"]),
        ('他说"等着。"然后挂了。', ['他说"等着。"', "然后挂了。"]),
        ('您好。"新人礼"还在', ["您好。", '"新人礼"还在']),
        ("第一步\r\n\r\n第二步\r\n", ["第一步", "第二步"]),
        ("好的！😊请稍等", ["好的！", "😊请稍等"]),
        ("好的！😊", ["好的！😊"]),
        ("……好的", ["……好的"]),
        ("😊😊", ["😊😊"]),
        ("！️？", ["！️？"]),
        ("见 https://a.example/b?c=1;d~e!f，谢谢", ["见 https://a.example/b?c=1;d~e!f，", "谢谢"]),
        ("看https://a.example/b?好吗", ["看https://a.example/b?", "好吗"]),
    ],
)
def test_split_cuts_where_a_reader_would(draft: str, expected: list[str]) -> None:
    assert texts(draft) == expected


def test_clauses_are_numbered_from_one_with_exact_offsets() -> None:
    draft = "您好， 已查到。"
    first, second = split_clauses(draft)
    assert (first.number, first.span.start, first.span.end) == (1, 0, 3)
    assert (second.number, second.span.start, second.span.end) == (2, 4, 8)


def test_the_shortest_neighbours_are_merged_first() -> None:
    # Lengths 8, 2, 2, 8: the two in the middle go together.
    assert texts("这一句比较长的，好，行，这一句也很长的。", limit=3) == [
        "这一句比较长的，",
        "好，行，",
        "这一句也很长的。",
    ]
    assert texts("甲，乙，丙，丁，", limit=1) == ["甲，乙，丙，丁，"]


def test_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        split_clauses("您好", limit=0)


def test_twenty_thousand_characters_give_at_most_limit_clauses() -> None:
    draft = "好，" * 10_000
    clauses = split_clauses(draft, limit=20)
    assert len(clauses) == 20
    assert "".join(clause.span.text for clause in clauses) == draft


def test_clauses_of_returns_the_numbers_that_overlap() -> None:
    clauses = split_clauses("您好，请稍等，再见。")
    assert clauses_of(clauses, 0, 1) == (1,)
    assert clauses_of(clauses, 2, 4) == (1, 2)
    assert clauses_of(clauses, 3, 3) == ()
    assert clauses_of(clauses, 0, 10) == (1, 2, 3)


@given(DRAFTS, st.integers(1, 30))
def test_clauses_are_verbatim_disjoint_and_cover_every_character(draft: str, limit: int) -> None:
    clauses = split_clauses(draft, limit=limit)
    assert len(clauses) <= limit
    assert [clause.number for clause in clauses] == list(range(1, len(clauses) + 1))
    at = 0
    for clause in clauses:
        assert clause.span.text == draft[clause.span.start : clause.span.end]
        assert clause.span.text == clause.span.text.strip() != ""
        assert draft[at : clause.span.start].strip() == ""
        at = clause.span.end
    assert draft[at:].strip() == ""


@given(DRAFTS)
def test_no_clause_starts_with_a_mark_of_the_one_before(draft: str) -> None:
    for clause in split_clauses(draft)[1:]:
        assert clause.span.text[0] not in "，。！？；…”’」』）"
