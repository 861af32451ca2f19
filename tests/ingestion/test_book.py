"""Documents into a book: ids that stay, verbatim quotations, groups, contradictions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.ingestion.book import Book, SourceFile, build_book
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.registry import read_document
from reviewer.manual.catalogue import Catalogue
from reviewer.manual.imported import one_line
from reviewer.resources import resource_dir
from tests.ingestion.documents import TEXT


def source(text: str, name: str = "守则.txt") -> SourceFile:
    return SourceFile(name, "0" * 64, read_document(text.encode(), name, Limits()))


def book_of(*texts: str) -> Book:
    return build_book([source(text, f"{number}.txt") for number, text in enumerate(texts)])


def test_every_rule_quotes_its_document() -> None:
    book = build_book([source(TEXT)])
    assert len(book.rules) == 4
    assert [chapter.entry.title for chapter in book.chapters] == ["前台应答守则"]
    for rule in book.rules:
        assert one_line(TEXT[rule.start : rule.end]) == rule.text
    assert {rule.section for rule in book.rules} == {"称呼", "退换", "着装"}


def test_ids_do_not_change_with_edits_elsewhere() -> None:
    before = {rule.text: rule.id for rule in build_book([source(TEXT)]).rules}
    edited = TEXT.replace("一、称呼\n", "一、总则\n1、应当爱护店内的一切。\n二、称呼\n").replace(
        "二、退换", "三、退换"
    )
    edited = edited.replace("1、应当用“贵宾”", "1、应当先问好。\n2、应当用“贵宾”")
    after = {rule.text: rule.id for rule in build_book([source(edited)]).rules}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2


def test_equal_rules_of_one_section_have_ids_of_their_own() -> None:
    rules = build_book([source("守则\n一、用语\n1、应当礼貌。\n2、应当守时。\n3、应当礼貌。\n")]).rules
    assert len({rule.id for rule in rules}) == 3


def test_the_order_of_the_files_does_not_matter() -> None:
    files = [source(TEXT, "乙.txt"), source("甲规\n一、用语\n1、不得敷衍客人。\n", "甲.txt")]
    assert build_book(files) == build_book(files[::-1])


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/a.txt", "..\\..\\a.txt", "/a.txt", "a b/c?.txt", "....txt"]
)
def test_names_lead_nowhere_else(name: str) -> None:
    (chapter,) = build_book([source(TEXT, name)]).chapters
    assert re.fullmatch(r"[\w-]+\.txt", chapter.entry.file)


def test_two_files_of_one_name_are_two_documents() -> None:
    book = build_book([source(TEXT), source("甲规\n一、用语\n1、不得敷衍客人。\n")])
    assert sorted(chapter.entry.file for chapter in book.chapters) == ["守则-2.txt", "守则.txt"]


def test_nearly_equal_rules_are_grouped_and_others_not() -> None:
    book = book_of(
        "甲规\n一、用语\n1、接待客人时不得使用生硬冷淡的语句。\n2、应当使用敬语。\n",
        "乙规\n一、用语\n1、接待客人时，不得使用生硬、冷淡的语句。\n2、应当核实身份再答复。\n",
    )
    (group,) = book.groups
    first, second = (rule for rule in book.rules if rule.id in group)
    assert first.similar == [second.id]
    assert second.similar == [first.id]
    assert sum(bool(rule.similar) for rule in book.rules) == 2


def test_different_times_for_one_thing_are_listed() -> None:
    book = book_of(
        "甲规\n一、时限\n1、投诉应当在2小时内答复客人。\n2、咨询应当在1小时内答复。\n",
        "乙规\n一、时限\n1、接到投诉后，应当在24小时内回复客人。\n2、咨询应当在60分钟内回复。\n",
    )
    (found,) = book.contradictions
    assert found.thing == "投诉答复"
    assert sorted(words for _, words in found.rules) == [
        "应当在24小时内回复客人",
        "投诉应当在2小时内答复客人",
    ]


def test_the_shipped_manual_comes_back_as_its_own_rules(catalogue: Catalogue) -> None:
    files = [
        SourceFile(path.name, "0" * 64, read_document(path.read_bytes(), path.name, Limits()))
        for path in sorted((resource_dir("corpus") / "manual").glob("*.md"))
    ]
    found = {rule.section: rule for rule in build_book(files).rules if rule.kind == "checkable"}
    for rule in catalogue.rules:
        imported = found[rule.source.section]
        assert rule.text in imported.text
        assert imported.document in {document.stem for document in catalogue.documents}
        assert (rule.good, rule.bad) == (imported.approved[0], imported.forbidden[0])
        assert imported.severity == rule.severity
    reference = {s.heading for s in catalogue.sections if not s.checkable and "不作为判定依据" in s.text}
    assert len(reference) > 12
    assert not reference & found.keys()


@given(st.lists(st.text("应不得说客户您好“”：。；√×一二、1A（）\n \t", max_size=40), max_size=12))
def test_any_text_gives_rules_that_quote_it(parts: list[str]) -> None:
    text = "应当礼貌。\n" + "\n".join(parts)
    book = build_book([source(text)])
    assert len({rule.id for rule in book.rules}) == len(book.rules)
    for rule in book.rules:
        assert one_line(text[rule.start : rule.end]) == rule.text


def test_what_becomes_no_rule_is_listed() -> None:
    told = "餐饮业近年来发展很快，同行之间的竞争越来越激烈，门店的收入也随之起伏，这里不再一一细说；"
    told += "愿大家一起把门店办好，日子越过越好，"
    told += "也谢谢大家一年来早出晚归的辛苦和家人的支持，来年再会，万事如意，阖家安康。"
    text = f"守则\n一、称呼\n1、应当用敬语称呼客人。\n{told}\n"
    (chapter,) = build_book([source(text)]).chapters
    assert [text[part.start : part.end] for part in chapter.unused] == [told]


def test_names_of_files_are_unique_and_fit_the_catalogue() -> None:
    names = ["①接待.txt", "a.txt", "a-2.txt", "a.txt", "A.txt", "\udcbf.txt", "x\ny.txt"]
    files = [chapter.entry.file for chapter in build_book([source(TEXT, name) for name in names]).chapters]
    assert len({name.lower() for name in files}) == len(names)
    assert "1接待.txt" in files


def test_an_id_that_is_taken_gives_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewer.ingestion.book._ID_DIGITS", 2)
    text = "守则\n一、用语\n" + "".join(f"{n}、应当办好第{n}件事。\n" for n in range(1, 60))
    rules = build_book([source(text)]).rules
    assert len({rule.id for rule in rules}) == len(rules) == 59
