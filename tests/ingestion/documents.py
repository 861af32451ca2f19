"""Small documents of every format, made on the fly."""

import io
import zipfile
from collections.abc import Sequence

TEXT = """\
前台应答守则
一、称呼
1、应当用“贵宾”称呼来店客人，不得直呼其名。
2、不得说“没空”，应当说“请您稍坐，马上有人接待您”。
二、退换
1、客人要求退货时，必须先问清购买日期，不得当场拒绝。
三、着装
1、上班必须穿制服，皮鞋保持光亮。
"""


def make_docx() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("前台应答守则", 1)
    document.add_heading("称呼", 2)
    document.add_paragraph("应当用“贵宾”称呼来店客人。", style="List Number")
    table = document.add_table(rows=2, cols=3)
    cells = ["情形", "推荐话术", "禁用话术", "客人久等", "让您久等了，非常抱歉。", "急什么，排队！"]
    for number, words in enumerate(cells):
        table.rows[number // 3].cells[number % 3].text = words
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def make_xlsx(rows: Sequence[Sequence[object]], *, title: str = "话术") -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    hidden = book.create_sheet("草稿")
    hidden.append(["不得导入"])
    hidden.sheet_state = "hidden"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def make_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF whose text layer holds ``pages``, one list of lines each."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    info = "/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>",
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[4 0 R]>>",
        f"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light{info}>>",
    ]
    for number, lines in enumerate(pages):
        shown = " ".join(f"<{line.encode('utf-16-be').hex()}> Tj T*" for line in lines)
        body = f"BT /F1 12 Tf 50 700 Td 14 TL {shown} ET"
        resources = "/Resources<</Font<</F1 3 0 R>>>>"
        objects += [
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {6 + 2 * number} 0 R{resources}>>",
            f"<</Length {len(body)}>>stream\n{body}\nendstream",
        ]
    out, places = "%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{item}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    trailer = f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF"
    return (out + head + table + trailer).encode("ascii")


def encrypted(pdf: bytes) -> bytes:
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.encrypt("geheim", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def make_zip(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()
