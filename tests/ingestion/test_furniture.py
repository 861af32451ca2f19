"""What is not the manual goes and is listed; what is, stays."""

from reviewer.ingestion.blocks import Extracted
from reviewer.ingestion.furniture import CONTENTS, PAGE, REPEAT, SITE, without_furniture
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.registry import read_document
from tests.ingestion.documents import make_pdf


def sort(document: Extracted) -> tuple[list[str], dict[str, str]]:
    cleaned = without_furniture(document)
    kept = [document.text[b.start : b.end] for b in cleaned.blocks]
    return kept, {document.text[r.start : r.end]: r.why for r in cleaned.removed}


def sort_text(text: str) -> tuple[list[str], dict[str, str]]:
    return sort(read_document(text.encode(), "a.txt", Limits()))


def test_the_notices_of_a_site_go_with_what_stands_between_them() -> None:
    kept, removed = sort_text(
        "接待手册.docx\n"
        "本站所有文档由网友上传，版权归作者，下载前请先登录。\n"
        "查看更多\n"
        "接待守则\n"
        "应当主动问候到店的客人，不得冷落任何一位客人。\n"
        "您可能关注的文档\n- 某某方案.pptx\n小明同学\n文档评论(3)\n"
    )
    assert kept == ["接待守则", "应当主动问候到店的客人，不得冷落任何一位客人。"]
    assert set(removed.values()) == {SITE}
    assert "小明同学" in removed


def test_a_norm_about_downloads_and_members_stays() -> None:
    norm = "客户询问会员怎样下载发票时，应当告知登录后在首页点“我的发票”。"
    kept, removed = sort_text(f"应答守则\n{norm}\n应当耐心解释，不得催促客户。\n")
    assert norm in kept
    assert removed == {}


def test_headers_footers_and_page_numbers_go() -> None:
    pages = [
        [f"内部资料 {number}", f"{number}、应当做到第{number}项。", f"第 {number} 页 共 4 页"]
        for number in range(1, 5)
    ]
    kept, removed = sort(read_document(make_pdf(pages), "a.pdf", Limits()))
    assert kept == [f"{number}、应当做到第{number}项。" for number in range(1, 5)]
    assert set(removed.values()) == {PAGE}


def test_a_table_of_contents_goes() -> None:
    kept, removed = sort_text(
        "目 录\n一、称呼........1\n二、退换........3\n三、着装........9\n一、称呼\n应当礼貌。\n"
    )
    assert kept == ["一、称呼", "应当礼貌。"]
    assert list(removed.values()) == [CONTENTS] * 4


def test_repeated_paragraphs_go_and_repeated_short_norms_stay() -> None:
    long = (
        "客人在店内等候超过十分钟的，应当主动上前说明原因，送上茶水，并告知还要等多久；"
        "客人表示不满的，应当致歉，不得争辩，也不得让其他同事代为应付。"
    )
    kept, removed = sort_text(f"守则\n守则\n{long}\n不得催促客人。\n应当礼貌。\n不得催促客人。\n{long}\n")
    assert kept == ["守则", long, "不得催促客人。", "应当礼貌。", "不得催促客人。"]
    assert set(removed.values()) == {REPEAT}


def test_a_norm_is_no_notice_whatever_it_names() -> None:
    norm = "下载和分享订单截图必须先登录，不得使用他人的账号。"
    numbered = "3、登录后点首页的“联系我们”，等候回复。"
    kept, removed = sort_text(f"查看更多.docx\n{norm}\n{numbered}\n1、本站文档由网友上传，不得转载。\n")
    assert kept == [norm, numbered]
    assert len(removed) == 2


def test_prices_and_times_are_no_table_of_contents() -> None:
    lines = ["响应时限  30", "当面致歉  5", "改派工单  12"]
    kept, removed = sort_text("时限\n" + "\n".join(lines) + "\n")
    assert kept == ["时限", *lines]
    assert removed == {}
    assert sort_text("目录\n称呼  1\n退换  3\n着装  9\n应当礼貌。\n")[0] == ["应当礼貌。"]
    assert len(sort_text("目录\n" + "\n".join(lines) + "\n应当礼貌。\n")[0]) == 5
