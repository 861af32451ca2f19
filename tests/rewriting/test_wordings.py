"""The shipped wordings are approved in fact, and a file that contradicts itself is refused in one line."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.checks import CheckSettings, run_checks
from reviewer.errors import CorpusError
from reviewer.manual.catalogue import WORDINGS_FILE, Catalogue, load_catalogue
from reviewer.resources import resource_dir
from reviewer.rewriting.facts import compare_facts
from reviewer.rewriting.wordings import Wording, WordingBook, load_wordings
from reviewer.types import Rule
from tests.rewriting.situations import asked

FOLDER = resource_dir("corpus")
CATALOGUE = load_catalogue(FOLDER)
BOOK = load_wordings(FOLDER, CATALOGUE)
EVERY = [
    (rule, wording)
    for rule in CATALOGUE.rules
    if (own := BOOK.get(rule.id))
    for wording in (*own.comforts, *own.wordings)
]
IDS = [f"{rule.id}-{wording.text[:12]}" for rule, wording in EVERY]
VAGUE = re.compile(r"尽快|尽早|过几天|过两天|回头|改天|有空|晚点|稍后|到时候|近期")


def test_every_rule_of_the_manual_has_its_wordings() -> None:
    assert [rule.id for rule in CATALOGUE.rules if BOOK.get(rule.id) is None] == []


@pytest.mark.parametrize(("rule", "wording"), EVERY, ids=IDS)
def test_a_wording_breaks_no_rule_that_a_check_knows(rule: Rule, wording: Wording) -> None:
    context = replace(rule.good_context, draft=wording.text)
    if wording.channel is not None:
        context = replace(context, channel=wording.channel)
    assert run_checks(context, CheckSettings()) == ()


@pytest.mark.parametrize(("rule", "wording"), EVERY, ids=IDS)
def test_a_wording_is_polite_definite_and_invents_nothing(rule: Rule, wording: Wording) -> None:
    assert "你" not in wording.text
    assert not VAGUE.search(wording.text)
    assert wording.text.endswith(("。", "？"))
    assert compare_facts("", wording.text, known=rule.text).invented == ()


def test_wordings_change_no_verdict_so_the_manual_stays_the_same(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "corpus"))
    (folder / WORDINGS_FILE).unlink()
    without = load_catalogue(folder)
    assert without.content_hash == CATALOGUE.content_hash
    assert load_wordings(folder, without) == WordingBook()
    assert WordingBook().content_hash == ""
    assert len(BOOK.content_hash) == 16


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: A01", "id: Z99", "规则 Z99：手册目录里没有这条规则"),
        ("id: A02", "id: A01", "规则 A01：出现了不止一次"),
        ("covers: [C11]", "covers: [Q11]", "规则 A02：covers 提到不存在的 Q11"),
        ("    action: remove", "    action: delete", "规则 A02 action：取值不在允许的范围内"),
        ("    scope: reply\n", "    scope: all\n", "规则 A01 scope：取值不在允许的范围内"),
        ("put: 您}", "put: 您, why: x}", "不认识这一项"),
        ("(?<!迷)你(?!们)", "(?<!迷你", "规则 A01 substitutions.3.find：取值不合要求"),
        (
            "{text: '好的，我现在就为您查看，请您稍等。'}",
            "{text: 好, channel: phone}",
            "最后一条说法不能带条件",
        ),
        ("schema: reviewer.wordings/1", "schema: reviewer.wordings/2", "取值不在允许的范围内"),
    ],
)
def test_a_faulty_file_is_one_line(
    tmp_path: Path, catalogue: Catalogue, old: str, new: str, said: str
) -> None:
    text = (FOLDER / WORDINGS_FILE).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / WORDINGS_FILE).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CorpusError) as caught:
        load_wordings(tmp_path, catalogue)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_first_wording_that_fits_is_taken_then_the_next() -> None:
    entry = BOOK.get("C08")
    assert entry is not None
    online = replace(CATALOGUE.rule("C08").good_context, channel="online")
    phone = replace(online, channel="phone")
    assert "来电" in entry.wording(phone, 0)
    assert "来电" not in entry.wording(online, 0)
    assert entry.wording(online, 5) == entry.wording(phone, 1)


def test_a_known_work_number_is_filled_in() -> None:
    entry = BOOK.get("S06")
    assert entry is not None
    context = CATALOGUE.rule("S06").good_context
    assert "工号是1024" in entry.wording(context, 0)
    assert "工号是[工号]" in entry.wording(replace(context, agent_id=""), 0)


@pytest.mark.parametrize("agent_id", ["8866\n加微信13900001111", "我是客服小李", ""])
def test_only_a_work_number_is_pasted_as_one(agent_id: str) -> None:
    entry = BOOK.get("S06")
    assert entry is not None
    context = replace(CATALOGUE.rule("S06").good_context, agent_id=agent_id)
    assert "我的工号是[工号]，" in entry.wording(context, 0)


@pytest.mark.parametrize(("rule", "wording"), EVERY, ids=IDS)
def test_a_wording_claims_nothing_that_nobody_has_done(rule: Rule, wording: Wording) -> None:
    assert not re.search(r"已经?(?:为您|给您|转|记|提交|登记|上报|反馈)", wording.text)
    entry = BOOK.get(rule.id)
    assert entry is not None
    assert not entry.forbidden or not re.search(entry.forbidden, wording.text)


def test_the_placeholders_of_all_wordings_are_known() -> None:
    assert {"[具体时间]", "[岗位]", "[工号]"} <= BOOK.blanks
    assert "[图片]" not in BOOK.blanks


@pytest.mark.parametrize(
    ("rule", "customer", "wrong"),
    [
        ("B01", "这双拖鞋一穿就断，气死我了！", "等了"),
        ("B01", "毛衣扣子是坏的", "费用"),
        ("B03", "我想要一个永久会员", "久等"),
        ("E03", "请你帮我便宜点吧", "红包"),
    ],
)
def test_a_wording_supposes_nothing_that_the_customer_did_not_say(
    rule: str, customer: str, wrong: str
) -> None:
    entry = BOOK.get(rule)
    assert entry is not None
    told = {"B01": "扣了我三十块", "B03": "都拖了一周", "E03": "请你喝奶茶"}[rule]
    said, other = (
        entry.comfort(asked("发来看看。", text), 0) or entry.wording(asked("发来看看。", text), 0)
        for text in (customer, told)
    )
    assert wrong not in said
    assert other != said


def test_wordings_go_by_the_names_of_the_other_manual() -> None:
    assert BOOK.mendings["A05"].covers == ["A03", "A04", "A06"]
    book = BOOK.named({"R100": "A05", "R200": "A04", "R300": "A06", "R400": "A06", "A03": "Z99"})
    assert book.mendings.keys() == {"R100", "R200", "R300", "R400"}
    own, ours = book.mendings["R100"], BOOK.mendings["A05"]
    assert (own.id, own.covers) == ("R100", ["R200", "R300", "R400"])
    assert (own.wordings, own.action) == (ours.wordings, ours.action)
    assert book.unsendable == BOOK.unsendable != ()
    # A rule that merely has the id of one of ours is not mended as that.
    assert (book.get("A03"), BOOK.mendings["A05"].id) == (None, "A05")


def test_a_manual_without_namesakes_has_no_wordings() -> None:
    assert BOOK.named({}) == BOOK.named({"R100": "Z99"}) == WordingBook()
