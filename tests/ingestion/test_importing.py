"""From files to a folder: written once, edits kept, changes beside, hostile files refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from reviewer.engine.fake import FakeEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import DocumentError, StorageError
from reviewer.files import locked
from reviewer.ingestion.blocks import Extracted
from reviewer.ingestion.importing import Imported, import_manual
from reviewer.ingestion.isolation import refuse_unfit
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.registry import read_document
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.manual.imported import load_imported
from reviewer.pipeline import Listener, Options
from reviewer.prompting import PromptBook
from reviewer.resources import content_hash
from reviewer.schema import ReviewRequest
from tests.ingestion.documents import TEXT, encrypted, make_docx, make_pdf, make_zip
from tests.pipeline_parts import make_pipeline

QUICK = Limits(file_bytes=100_000, unpacked_bytes=1_000_000, characters=20_000, seconds=30)
REWORDED = TEXT.replace("必须先问清购买日期，不得当场拒绝", "必须先问清购买日期和原因，不得当场拒绝")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "守则.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules"


def read_here(path: Path, limits: Limits) -> Extracted:
    """Read without a process of its own, which takes a second."""
    refuse_unfit(path, limits)
    try:
        return read_document(path.read_bytes(), path.name, limits)
    except DocumentError as error:
        raise DocumentError(f"{path}：{error}。") from error


def run(file: Path, rules: Path, text: str | None = None) -> Imported:
    if text is not None:
        file.write_text(text, encoding="utf-8")
    return import_manual([file], rules, read=read_here)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edit(rules: Path, old: str, new: str) -> None:
    path = rules / "catalogue.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def import_familiar(file: Path, rules: Path, known: Catalogue | None) -> Imported:
    """Import a rule that is like a shipped one, which is seen only where ``known`` is given."""
    file.write_text("守则\n一、用语\n1、不得骂客人，不得讽刺、威胁、顶撞客人。\n", encoding="utf-8")
    return import_manual([file], rules, known=known.rules if known else (), read=read_here)


def titles(folder: Path) -> list[str]:
    return [entry.title for entry in load_imported(folder).entries]


def test_the_first_import_writes_a_manual_that_loads(file: Path, rules: Path) -> None:
    imported = run(file, rules)
    assert (imported.stored.outcome, imported.stored.folder) == ("written", rules)
    assert sorted(content(rules)) == ["catalogue.yaml", "documents/守则.txt", "import.json", "report.md"]
    manual = load_catalogue(rules)
    assert {rule.source.document for rule in manual.rules} == {"《前台应答守则》"}
    assert [rule.source.section for rule in manual.rules] == ["称呼", "称呼", "退换"]
    assert not any("制服" in rule.text for rule in manual.rules)
    assert set(rules.parent.iterdir()) == {file, rules}


def test_a_second_import_changes_nothing_byte_for_byte(file: Path, rules: Path) -> None:
    run(file, rules)
    before = content(rules)
    assert run(file, rules).stored.outcome == "unchanged"
    assert content(rules) == before
    assert set(rules.parent.iterdir()) == {file, rules}


def test_a_guess_that_a_person_struck_out_or_changed_stays_so(
    file: Path, rules: Path, catalogue: Catalogue
) -> None:
    import_familiar(file, rules, catalogue)
    for old, new in (("same_as: A05", "same_as: A03"), ("same_as: A03", "same_as: ''")):
        edit(rules, old, new)
        assert import_familiar(file, rules, catalogue).stored.outcome == "unchanged"
        (entry,) = import_familiar(file, rules, catalogue).stored.revision.rules
        assert entry.same_as == ("A03" if "A03" in new else "")


def test_a_manual_of_a_time_without_guesses_is_offered_them(
    file: Path, rules: Path, catalogue: Catalogue
) -> None:
    import_familiar(file, rules, None)
    (entry,) = load_imported(rules).entries
    # The digest that such a time has recorded.
    words = entry.model_dump_json(by_alias=True, exclude={"start", "end", "similar", "same_as"})
    record = json.loads((rules / "import.json").read_text(encoding="utf-8"))
    record["rules"][entry.id]["digest"] = content_hash(words.encode())
    (rules / "import.json").write_text(json.dumps(record), encoding="utf-8")
    stored = import_familiar(file, rules, catalogue).stored
    assert stored.outcome == "proposed"
    assert [rule.same_as for rule in load_imported(stored.folder).entries] == ["A05"]


def test_edits_stay_and_are_no_change(file: Path, rules: Path) -> None:
    run(file, rules)
    edit(rules, "title: 应当用贵宾称呼来店客人", "title: 称呼贵宾")
    before = content(rules)
    assert run(file, rules).stored.outcome == "unchanged"
    assert content(rules) == before


def test_a_changed_file_is_proposed_beside_with_ids_and_edits_kept(file: Path, rules: Path) -> None:
    run(file, rules)
    edit(rules, "title: 应当用贵宾称呼来店客人", "title: 称呼贵宾")
    before = content(rules)
    old = {entry.title: entry.id for entry in load_imported(rules).entries}
    stored = run(file, rules, "编者按：第二版。\n" + REWORDED).stored
    assert (stored.outcome, stored.folder) == ("proposed", rules.with_name("rules.proposed"))
    assert content(rules) == before
    new = {entry.title: entry for entry in load_imported(stored.folder).entries}
    assert new["称呼贵宾"].id == old["称呼贵宾"]
    reworded = next(entry for entry in new.values() if "购买日期和原因" in entry.text)
    assert reworded.id in old.values()
    assert set(new) - {"编者按", reworded.title} < set(old) | {"称呼贵宾"}


def test_a_reworded_rule_that_was_edited_asks_to_be_looked_at(file: Path, rules: Path) -> None:
    run(file, rules)
    (name,) = [entry.id for entry in load_imported(rules).entries if entry.section == "退换"]
    edit(rules, f"id: {name}\n  class: checkable", f"id: {name}\n  class: process")
    proposed = run(file, rules, REWORDED).stored.folder
    (entry,) = [entry for entry in load_imported(proposed).entries if entry.id == name]
    assert entry.kind == "process"
    assert "购买日期和原因" in entry.text
    assert "请核对" in entry.note


def test_an_adopted_proposal_is_stable(file: Path, rules: Path) -> None:
    run(file, rules)
    proposed = run(file, rules, REWORDED).stored.folder
    rules.rename(rules.with_name("old"))
    proposed.rename(rules)
    before = content(rules)
    assert run(file, rules).stored.outcome == "unchanged"
    assert content(rules) == before


def test_a_deleted_rule_stays_deleted_and_an_added_one_stays(file: Path, rules: Path) -> None:
    run(file, rules)
    path = rules / "catalogue.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    own = {**data["rules"][0], "id": "X01", "title": "自己加的"}
    gone = data["rules"].pop()
    data["rules"].append(own)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    proposed = run(file, rules, "引言。\n" + REWORDED).stored.folder
    assert gone["title"] not in titles(proposed)
    assert "自己加的" in titles(proposed)


def test_an_added_rule_whose_words_are_gone_is_reported(file: Path, rules: Path) -> None:
    run(file, rules)
    path = rules / "catalogue.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    text = "上班必须穿制服"
    at = TEXT.index(text)
    data["rules"].append({**data["rules"][0], "id": "X01", "text": text, "start": at, "end": at + len(text)})
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    stored = run(file, rules, TEXT.replace("制服", "便装")).stored
    assert stored.revision.lost == ("X01",)
    assert "X01" in (stored.folder / "report.md").read_text(encoding="utf-8")


def test_a_proposal_is_replaced_until_somebody_edits_it(file: Path, rules: Path) -> None:
    run(file, rules)
    proposed = run(file, rules, REWORDED).stored.folder
    run(file, rules, REWORDED + "2、应当佩戴胸牌。\n")
    assert "应当佩戴胸牌" in titles(proposed)
    edit(proposed, "title: 应当佩戴胸牌", "title: 胸牌")
    before = content(proposed)
    with pytest.raises(DocumentError, match="已有人改动"):
        run(file, rules, TEXT.replace("贵宾", "来宾"))
    assert content(proposed) == before


def test_the_output_folder_must_be_free_or_a_manual(file: Path, rules: Path, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="不是目录"):
        run(file, file)
    rules.mkdir()
    (rules / "letter.doc").write_bytes(b"x")
    with pytest.raises(DocumentError, match="不是导入所得"):
        run(file, rules)
    assert content(rules) == {"letter.doc": b"x"}


def test_the_report_lists_what_was_left_out(file: Path, rules: Path) -> None:
    run(file, rules, TEXT + "您可能关注的文档\n- 某方案.docx\n")
    report = (rules / "report.md").read_text(encoding="utf-8")
    assert "某方案.docx" in report
    assert "网站内容" in report


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Types>&b;</Types>'
HOSTILE = {
    "empty.txt": b"",
    "blank.md": b"\n \n",
    "truncated.docx": make_docx()[:5000],
    "no-word.docx": make_zip({"a.xml": b"<a/>"}),
    "bomb.docx": make_zip({"word/document.xml": b"\0" * 3_000_000}),
    "climbs.docx": make_zip({"word/document.xml": b"<x/>", "../../../tmp/evil": b"x"}),
    "broken.xlsx": make_zip({"xl/workbook.xml": b"<workbook>"}),
    "entities.docx": make_zip({"[Content_Types].xml": ENTITIES, "word/document.xml": b"<x/>"}),
    "encrypted.pdf": encrypted(make_pdf([["应当礼貌。"]])),
    "garbage.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 8,
    "scanned.pdf": make_pdf([[]]),
    "binary.txt": b"\x7fELF" + bytes(range(256)) * 20,
    "mixed.txt": "应当礼貌待客，耐心解释。\n".encode() + "不得敷衍。\n".encode("gb18030"),
    "utf16.txt": b"\xff\xfe" + b"\x00\xd8" * 20,
    "large.txt": "应当礼貌。\n".encode() * 10_000,
    "long.txt": "应当礼貌。".encode() * 5_000,
    "old.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "program.exe": b"MZ" + bytes(500),
    "scripts.html": b"<script>while(true){}</script><style>p{}</style>",
    "quotes.csv": b'a,b\n"c,d\n',
    "nothing.txt": "晴天。\n雨天。\n".encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_line_and_leaves_nothing(name: str, file: Path, rules: Path) -> None:
    hostile = file.with_name(name)
    hostile.write_bytes(HOSTILE[name])
    files = [hostile] if name == "nothing.txt" else [file, hostile]
    with pytest.raises(DocumentError) as caught:
        import_manual(files, rules, limits=QUICK, read=read_here)
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert message.endswith("。")
    assert name in message or name == "nothing.txt"
    assert set(file.parent.iterdir()) == {file, hostile}


def test_a_process_of_its_own_reads_and_refuses_alike(file: Path, rules: Path) -> None:
    assert import_manual([file], rules).stored.outcome == "written"
    hostile = file.with_name("binary.txt")
    hostile.write_bytes(HOSTILE["binary.txt"])
    with pytest.raises(DocumentError, match=r"binary\.txt：不是文本文件.*。$"):
        import_manual([hostile], rules)


def test_memory_and_time_are_bounded(file: Path, rules: Path) -> None:
    large = file.with_name("large.txt")
    large.write_bytes("应当礼貌。\n".encode() * 500_000)
    with pytest.raises(DocumentError, match="内存或时间超限"):
        import_manual([large], rules, limits=Limits(memory_bytes=8 * 2**20))
    with pytest.raises(DocumentError, match="秒内没有读完"):
        import_manual([file], rules, limits=Limits(seconds=0.001))
    assert not rules.exists()


@pytest.mark.parametrize("missing", ["nowhere.txt", "."])
def test_what_is_no_file_is_said(missing: str, file: Path, rules: Path) -> None:
    with pytest.raises(DocumentError, match=r"读不了|不是文件"):
        import_manual([file.parent / missing], rules)


LONG = 3_000


@pytest.mark.parametrize(
    "text",
    [
        "√" * LONG,
        "“" * LONG,
        "（" * LONG,
        " 1、" * LONG,
        "a" + " " * LONG + "b",
        "·" * LONG,
        "- " * LONG,
        "1.1" * LONG,
        "：\n" * LONG,
        "一、\n" * LONG,
        "不得说“" * LONG,
    ],
    ids=range(11),
)
def test_odd_text_is_worked_through(text: str, file: Path, rules: Path) -> None:
    assert run(file, rules, "应当礼貌。\n" + text).book.rules


def test_a_review_cites_the_imported_manual_with_document_and_section(
    file: Path, rules: Path, prompts: PromptBook
) -> None:
    run(file, rules)
    catalogue = load_catalogue(rules)
    broken = catalogue.rules[1]

    def logits(_prompt: Prompt, tail: Tail, choice: str) -> float:
        return 4.0 if (choice == "是") == tail.answer.startswith(broken.id) else -4.0

    pipeline = make_pipeline(catalogue, prompts, FakeEngine(logits=logits))
    request = ReviewRequest(draft="没空，您明天再来。", channel="phone")
    result = pipeline.review(request, Options(rewrite=False), Listener())
    (finding,) = result.findings
    assert (finding.rule.id, finding.rule.text) == (
        broken.id,
        "不得说“没空”，应当说“请您稍坐，马上有人接待您”。",
    )
    assert (finding.rule.source.document, finding.rule.source.section) == ("《前台应答守则》", "称呼")
    assert set(result.assessed) == {rule.id for rule in catalogue.rules}


def read_yaml(rules: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((rules / "catalogue.yaml").read_text(encoding="utf-8"))
    return data


def write_yaml(rules: Path, data: dict[str, Any]) -> None:
    (rules / "catalogue.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")


def test_a_note_a_section_and_a_title_of_a_person_stay(file: Path, rules: Path) -> None:
    run(file, rules)
    data = read_yaml(rules)
    name = data["rules"][2]["id"]
    data["documents"][0]["title"] = "总店守则"
    data["rules"][2] |= {"note": "问过店长", "section": "退换货"}
    write_yaml(rules, data)
    proposed = load_imported(run(file, rules, REWORDED).stored.folder)
    assert proposed.documents[0].title == "总店守则"
    (entry,) = [entry for entry in proposed.entries if entry.id == name]
    assert entry.section == "退换货"
    assert entry.note.startswith("问过店长；")


def test_a_deleted_rule_stays_deleted_when_reworded_or_gone_and_back(file: Path, rules: Path) -> None:
    run(file, rules)
    data = read_yaml(rules)
    del data["rules"][2]
    write_yaml(rules, data)
    assert not any("购买日期" in title for title in titles(run(file, rules, REWORDED).stored.folder))
    without = run(
        file, rules, TEXT.replace("1、客人要求退货时，必须先问清购买日期，不得当场拒绝。\n", "")
    ).stored
    rules.rename(rules.with_name("old"))
    without.folder.rename(rules)
    back = run(file, rules, TEXT + "2、应当佩戴胸牌。\n").stored
    assert not any("购买日期" in title for title in titles(back.folder))


def test_an_edited_rule_whose_source_is_gone_is_named(file: Path, rules: Path) -> None:
    run(file, rules)
    data = read_yaml(rules)
    name = data["rules"][2]["id"]
    data["rules"][2]["title"] = "先问日期"
    write_yaml(rules, data)
    stored = run(
        file, rules, TEXT.replace("客人要求退货时，必须先问清购买日期，不得当场拒绝", "应当唱店歌")
    ).stored
    assert stored.revision.lost == (name,)


def test_files_of_others_in_a_proposal_are_never_deleted(file: Path, rules: Path) -> None:
    run(file, rules)
    proposed = run(file, rules, REWORDED).stored.folder
    (proposed / "documents" / "笔记.txt").write_text("记", encoding="utf-8")
    before = content(proposed)
    with pytest.raises(DocumentError, match=r"不是导入写的 笔记\.txt"):
        run(file, rules, TEXT.replace("贵宾", "来宾"))
    assert content(proposed) == before


def test_leftovers_of_a_killed_import_go_and_a_running_one_is_not_disturbed(file: Path, rules: Path) -> None:
    left = rules.with_name(".rules.import")
    (left / "fresh" / "documents").mkdir(parents=True)
    with locked(left, "导入"), pytest.raises(StorageError, match="另一个导入"):
        run(file, rules)
    assert run(file, rules).stored.outcome == "written"
    assert set(rules.parent.iterdir()) == {file, rules}


def test_the_current_folder_is_imported_beside_or_refused(
    file: Path, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(file, rules)
    monkeypatch.chdir(rules)
    assert run(file, Path(), REWORDED).stored.folder == rules.with_name("rules.proposed")
    (rules.parent / "empty").mkdir()
    monkeypatch.chdir(rules.parent / "empty")
    with pytest.raises(DocumentError, match="当前目录"):
        run(file, Path())


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(segments=3), "超过 3 段"),
        (Limits(rules=3), "超过 3 条规则"),
        (Limits(rule_characters=40), "超过 40 字的规则"),
    ],
)
def test_a_manual_beyond_the_limits_is_refused_and_nothing_is_written(
    file: Path, rules: Path, limits: Limits, what: str
) -> None:
    with pytest.raises(DocumentError, match=f"{what}，什么都没有写；请.*导入。$"):
        import_manual([file], rules, limits=limits, read=read_here)
    assert set(rules.parent.iterdir()) == {file}


def test_a_new_version_beyond_the_limits_leaves_the_old_one(file: Path, rules: Path) -> None:
    run(file, rules)
    before = content(rules)
    file.write_text(REWORDED, encoding="utf-8")
    with pytest.raises(DocumentError, match="超过 3 条规则"):
        import_manual([file], rules, limits=Limits(rules=3), read=read_here)
    assert content(rules) == before
    assert not rules.with_name("rules.proposed").exists()


def test_of_many_rules_that_say_the_same_each_names_a_few(file: Path, rules: Path) -> None:
    norms = "".join(f"{number}、接待第{number}桌的客人应当先问好，再递上菜单。\n" for number in range(1, 41))
    imported = run(file, rules, f"守则\n一、用语\n{norms}")
    (group,) = imported.book.groups
    assert len(group) == 40
    for rule in imported.book.rules:
        assert len(rule.similar) == 20
        assert rule.id not in rule.similar
