"""Every format gives text and blocks; what a block says of its place holds."""

import io

import pytest

from reviewer.errors import DocumentError
from reviewer.ingestion.blocks import Block, Extracted
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.registry import read_document
from tests.ingestion.documents import TEXT, make_docx, make_pdf, make_xlsx, make_zip

HTML = """<html><head><title>守则 - 某站</title><script>alert("应当")</script></head><body>
<nav><a href="/">首页</a></nav><h1>前台守则</h1><h2>称呼</h2>
<ul><li>应当用<b>敬语</b>。</li></ul>
<table><tr><th>情形</th><th>推荐话术</th></tr><tr><td>久等</td><td>让您久等了。</td></tr></table>
<p>见<a href="/x">附表</a>，不得遗漏任何一项内容。</p>
<div hidden>看不见</div><footer>版权</footer></body></html>"""


def read(data: bytes, name: str) -> Extracted:
    document = read_document(data, name, Limits())
    for block in document.blocks:
        words = document.text[block.start : block.end]
        assert words
        assert words == words.strip()
    return document


def texts(document: Extracted, kind: str) -> list[str]:
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


def cells(document: Extracted, block: Block) -> list[str]:
    return [document.text[first:last] for first, last in block.cells]


def rows(document: Extracted) -> list[tuple[tuple[str, ...], list[str]]]:
    return [(block.columns, cells(document, block)) for block in document.blocks if block.kind == "row"]


def test_plain_text_keeps_its_own_offsets() -> None:
    document = read(TEXT.encode(), "a.txt")
    assert document.text == TEXT
    assert texts(document, "paragraph") == TEXT.split("\n")[:-1]


def test_markdown_gives_headings_items_and_rows() -> None:
    source = "# 守则\n\n> 应当**礼貌**。\n\n- 不得敷衍\n\n|情形|话术|\n|-|-|\n|久等|让您久等了|\n"
    document = read(source.encode(), "a.md")
    assert document.title == "守则"
    assert texts(document, "heading") == ["守则"]
    assert texts(document, "paragraph") == ["应当礼貌。"]
    assert texts(document, "item") == ["不得敷衍"]
    assert rows(document) == [(("情形", "话术"), ["久等", "让您久等了"])]


def test_html_leaves_scripts_out_and_marks_furniture() -> None:
    document = read(HTML.encode(), "a.html")
    assert document.title == "前台守则"
    assert "alert" not in document.text
    assert "看不见" not in document.text
    assert texts(document, "item") == ["应当用敬语。"]
    assert rows(document) == [(("情形", "推荐话术"), ["久等", "让您久等了。"])]
    linked = [document.text[b.start : b.end] for b in document.blocks if b.links == 1.0]
    assert linked == ["首页", "版权"]


def test_deeply_nested_html_is_read() -> None:
    page = "<div>" * 5000 + "<b>" * 300 + "应当礼貌。" + "</b>" * 300 + "</div>" * 5000
    assert texts(read(page.encode(), "a.html"), "paragraph") == ["应当礼貌。"]


def test_word_gives_headings_numbered_items_and_tables() -> None:
    document = read(make_docx(), "a.docx")
    assert document.title == "前台应答守则"
    assert texts(document, "heading") == ["前台应答守则", "称呼"]
    assert texts(document, "item") == ["应当用“贵宾”称呼来店客人。"]
    assert rows(document) == [
        (("情形", "推荐话术", "禁用话术"), ["客人久等", "让您久等了，非常抱歉。", "急什么，排队！"])
    ]


def test_a_spreadsheet_gives_named_cells_and_no_hidden_sheet() -> None:
    document = read(
        make_xlsx([["场景", None, "话术"], ["缺货", None, "抱歉，暂时缺货。"], [1, None, 2.5]]), "a.xlsx"
    )
    assert texts(document, "heading") == ["话术"]
    assert rows(document) == [
        (("场景", "话术"), ["缺货", "抱歉，暂时缺货。"]),
        (("场景", "话术"), ["1", "2.5"]),
    ]
    assert "不得导入" not in document.text


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_whatever_divides_it(delimiter: str) -> None:
    lines = [["场景", "话术"], ["缺货", '"抱歉，缺货。"']]
    data = "\n".join(delimiter.join(line) for line in lines).encode("gb18030")
    assert rows(read(data, "a.csv")) == [(("场景", "话术"), ["缺货", "抱歉，缺货。"])]


def test_pdf_gives_lines_with_their_pages() -> None:
    document = read(make_pdf([["应当礼貌。"], ["不得敷衍。"]]), "a.pdf")
    assert [(document.text[b.start : b.end], b.page) for b in document.blocks] == [
        ("应当礼貌。", 1),
        ("不得敷衍。", 2),
    ]


def test_the_content_decides_not_the_name() -> None:
    assert texts(read(make_pdf([["应当礼貌。"]]), "a.txt"), "paragraph") == ["应当礼貌。"]


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"", "a.txt", "空的"),
        (b" \n ", "a.md", "空的"),
        ("甲".encode(), "a.exe", "不认识"),
        ("甲".encode(), "a.docx", "内容不是 docx"),
        (make_docx()[:900], "a.docx", "损坏"),
        (make_zip({"readme": b"x"}), "a.docx", "不是 docx"),
        (make_zip({"word/document.xml": b"<w:document"}), "a.docx", "损坏"),
        (make_zip({"word/document.xml": b"x", "../../evil": b"x"}), "a.docx", "越出目录"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 99, "a.docx", "旧版"),
        (b"%PDF-1.4\ngarbage", "a.pdf", "损坏"),
        (make_pdf([[]]), "a.pdf", "没有文字层"),
        (b'a,"b\nc', "a.csv", "CSV"),
        (b"<html><body><script>x</script></body></html>", "a.html", "没有文字"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, name: str, why: str) -> None:
    with pytest.raises(DocumentError, match=why) as caught:
        read_document(data, name, Limits())
    assert "\n" not in str(caught.value)


def test_limits_hold_before_anything_is_unpacked() -> None:
    bomb = make_zip({"word/document.xml": b"0" * 2_000_000})
    with pytest.raises(DocumentError, match="压缩炸弹"):
        read_document(bomb, "a.docx", Limits(unpacked_bytes=1_000_000))
    with pytest.raises(DocumentError, match="超过 3 字"):
        read_document("应当礼貌。".encode(), "a.txt", Limits(characters=3))


def test_word_text_is_what_stands_after_tracked_changes() -> None:
    import docx
    from docx.oxml import parse_xml

    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    document = docx.Document()
    parts = (
        "<w:r><w:t>店员</w:t></w:r><w:ins><w:r><w:t>不得</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>可以</w:delText><w:t>应当</w:t></w:r></w:del>"
        "<w:sdt><w:sdtContent><w:r><w:t>催促</w:t></w:r></w:sdtContent></w:sdt>"
        "<w:r><w:rPr><w:strike/></w:rPr><w:t>劝说</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>暗</w:t></w:r>"
        '<w:r><w:rPr><w:strike w:val="0"/></w:rPr><w:t>客人。</w:t></w:r>'
    )
    whole = f"<w:p {names}>{parts}</w:p>"
    inner = "<w:p><w:r><w:t>应当致歉。</w:t></w:r></w:p>"
    enclosed = f"<w:sdt {names}><w:sdtContent>{inner}</w:sdtContent></w:sdt>"
    for element in (whole, enclosed):
        document.element.body.insert(-1, parse_xml(element))
    buffer = io.BytesIO()
    document.save(buffer)
    assert texts(read(buffer.getvalue(), "a.docx"), "paragraph") == ["店员不得催促客人。", "应当致歉。"]


def test_word_tables_keep_merged_cells_and_inner_tables() -> None:
    import docx

    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for number, words in enumerate(["情形", "话术", "缺货", "抱歉，已经卖完。", "", "下周到货。"]):
        table.rows[number // 2].cells[number % 2].text = words
    table.cell(1, 0).merge(table.cell(2, 0))
    inner = table.cell(2, 1).add_table(rows=1, cols=1)
    inner.cell(0, 0).text = "不得说没货。"
    buffer = io.BytesIO()
    document.save(buffer)
    found = read(buffer.getvalue(), "a.docx")
    assert [said for _, said in rows(found)] == [["缺货", "抱歉，已经卖完。"], ["缺货", "下周到货。"]]
    assert texts(found, "paragraph") == ["不得说没货。"]


def test_merged_cells_of_a_web_page_are_written_out() -> None:
    page = (
        "<table><caption>门店</caption><tr><th>情形<th>推荐话术<th>禁用话术</tr>"
        "<tr><td rowspan=2>缺货<td>抱歉<td>没了</tr><tr><td>请稍候<td>等着</tr>"
        "<tr><td>久等<td>让您久等</tr></table>"
        "<table><tr><td><table><tr><td>甲<td>乙</tr><tr><td>一<td>二</tr></table></tr></table>"
    )
    found = read(page.encode(), "a.html")
    columns = ("情形", "推荐话术", "禁用话术")
    assert rows(found) == [
        (columns, ["缺货", "抱歉", "没了"]),
        (columns, ["缺货", "请稍候", "等着"]),
        ((), ["久等", "让您久等"]),
        (("甲", "乙"), ["一", "二"]),
    ]
    assert texts(found, "paragraph") == ["门店"]


def test_forms_are_read_and_what_is_not_shown_is_not() -> None:
    page = '<form><p>应当礼貌。</p></form><p style="color:red; Display : none">看不见</p>'
    document = read(page.encode(), "a.html")
    assert document.text == "应当礼貌。\n"
    assert document.blocks[0].links == 0.0


def test_html_inside_markdown_is_read() -> None:
    source = "# 守则\n\n<div>\n<p>不得催促客人。</p>\n</div>\n"
    assert texts(read(source.encode(), "a.md"), "paragraph") == ["不得催促客人。"]


def test_the_names_of_columns_may_stand_under_a_title_and_cells_be_merged() -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (["门店话术表", None], ["情形", "话术"], ["缺货", "抱歉。"], [None, "下周到货。"]):
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    sheet.merge_cells("A3:A4")
    buffer = io.BytesIO()
    book.save(buffer)
    found = read(buffer.getvalue(), "a.xlsx")
    assert rows(found) == [(("情形", "话术"), ["缺货", "抱歉。"]), (("情形", "话术"), ["缺货", "下周到货。"])]
    assert texts(found, "paragraph") == ["门店话术表"]
