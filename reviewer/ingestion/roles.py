"""What the parts of a norm say: columns and fields by their names, quotations by what stands before them."""

import re
from collections.abc import Sequence

from reviewer.folding import simplify
from reviewer.ingestion import cues
from reviewer.ingestion.blocks import YES, is_mark
from reviewer.ingestion.wording import quotations

_BEFORE_BANNED = re.compile(
    r"(?:不(?:得|要|能|可以?|应该?|宜|准|许|允许|轻易|随意|再)?(?:直接|生硬地|随便)?(?:讲|说|用|使用|回答|答|问|称|出现|有)"
    r"|勿|忌|禁|避免|杜绝|而不是|别说)[^。；;，,]{0,12}$"
)
FIELD = re.compile(
    r"(?:(?P<when>(?:客户|顾客|客人|用户|买家|业主)(?:提问|咨询|问)|适用(?:场景|情形|情况|范围)?|场景|情形|情境|情况|触发条件)"
    r"|(?P<require>要求|做法|服务要求|规则|标准做法)"
    r"|(?P<forbidden>(?:禁用|错误|不当|禁止|避免|反面|不推荐)(?:的?(?:话术|用语|说法|表达|回复|示例))?|反例|禁语|忌语|(?:不要|不能|不可以?|不得|不应该?|不准|禁止|严禁|别)(?:直接)?说)"
    r"|(?P<approved>(?:推荐|参考|标准|正确|规范|建议|示范)(?:的?(?:话术|用语|说法|表达|回复|示例))|推荐|(?:标准|推荐|参考|规范)(?:回答|答复|答案)|话术(?:示例)?|正例|(?:可以|应该?|应当|要)说"
    r"|(?:客服|坐席|店员|员工)(?:人员)?(?:回答|答))"
    r"|(?P<severity>(?:违规)?(?:级别|等级)|严重程度)|(?P<points>扣分(?:标准)?|分值)|(?P<other>(?:适用)?(?:阶段|渠道|岗位)))[：:]\s*(?=\S)"
)
# How far before a quotation the words stand that govern it.
_CONTEXT_CHARS = 60
_SHORT_CELL = 12
# What a yes or a no in a column speaks of.
_BAD_COLUMN = re.compile(r"禁|忌|违规|错|不当|不能|不可|不得|不合")
_GOOD_COLUMN = re.compile(
    r"可否|能否|可以|允许|正确|对错|合规|合格|规范|推荐|适当|得当|判断"
    r"|是否(?:可|能|得|合|正|恰|规|推|允)|[√✓]"
)
# A column is named for what its cells are by the whole of its name: 错误代码 are no wrong wordings.
_SAID = (
    r"(?:话术|用语|说法|话语|语言|表达|表述|回复|应答|答复|回答|答案|语句|词语|说辞"
    r"|做法|行为|示例|范例|例子|示范|例句|[语说答])"
)
_REMARK = r"\s*(?:[（(].*)?"
_COLUMNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "forbidden",
        re.compile(
            r"(?:.{0,4}(?:服务|客服|坐席|接待))?(?:禁用|禁止使用|禁止|禁忌|严禁|禁|忌|错误|不当|不规范|不推荐|不得|不能|不可以?|不要|不应|避免|反面)"
            rf"的?{_SAID}{{0,3}}{_REMARK}|.{{0,6}}反例{_REMARK}|[×✗✘❌]"
        ),
    ),
    ("points", re.compile(r".*(?:分值|扣分|分数|得分).*")),
    ("severity", re.compile(r".*(?:等级|级别|严重).*")),
    (
        "approved",
        re.compile(
            rf".*(?<!类似){_SAID}(?<!行为)(?<!做法){_REMARK}|(?:推荐|参考|正确|规范|正例|可以说)|[√✓✔✅]"
        ),
    ),
    ("require", re.compile(r".*(?:要求|注意|标准|规范|说明|内容|规定|做法|细则).*")),
    ("when", re.compile(r".*(?:场景|情形|情况|阶段|环节|问题|类型|类别|项目|客户|步骤|序号).*")),
)


def role_of_column(name: str) -> str:
    """Return what the cells below a column's name are: the field of a rule, ``require`` by default."""
    return next((role for role, pattern in _COLUMNS if pattern.fullmatch(simplify(name))), "require")


def verdict_of(columns: Sequence[str], cells: Sequence[str]) -> str:
    """Return what the yes and no of a row say of its wordings.

    ``approved``, ``forbidden``, empty where no cell is a yes or a no, ``unclear`` where it cannot be told
    what is denied.
    """
    found: set[str] = set()
    for at, cell in enumerate(cells):
        if not is_mark(cell):
            continue
        name = simplify(columns[at]) if columns else ""
        yes = cell.strip() in YES
        bad = role_of_column(name) == "forbidden" or _BAD_COLUMN.search(name) is not None
        good = not name or _GOOD_COLUMN.search(name) is not None
        if bad or good:
            found.add("approved" if yes != bad else "forbidden")
        elif not yes:
            found.add("unclear")
    return found.pop() if len(found) == 1 else "unclear" if found else ""


def parts_of_row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, list[str]]:
    """Return the texts of a row by what they are: fields of a rule; a yes or no is none of them.

    Without names of columns the form of the cells decides.
    """
    roles = [role_of_column(name) for name in columns] or [role_of_cell(cell) for cell in cells]
    found: dict[str, list[str]] = {}
    for cell, role in zip(cells, roles, strict=True):
        if cell and not is_mark(cell):
            found.setdefault(role, []).append(cell)
    verdict = verdict_of(columns, cells)
    if verdict == "approved":
        found.setdefault("approved", []).extend(found.pop("forbidden", []))
    elif verdict == "forbidden":
        # Without a column of wordings it is the thing itself that is denied.
        denied = found.pop("approved", None) or found.pop("require", None) or found.get("when", [])[-1:]
        found.setdefault("forbidden", []).extend(denied)
    elif verdict == "unclear":
        found.setdefault("require", []).extend(found.pop("approved", []))
    # A cell that was merged over good and bad is neither.
    both = {*found.get("approved", [])} & {*found.get("forbidden", [])}
    for role in ("approved", "forbidden"):
        found[role] = [cell for cell in found.get(role, []) if cell not in both]
    return {role: texts for role, texts in found.items() if texts}


def role_of_cell(cell: str) -> str:
    """Return what a cell of a table without names is, by its form."""
    if cues.is_script(unquoted(cell)) and quotations(cell):
        return "approved"
    return "when" if len(cell) <= _SHORT_CELL else "require"


def unquoted(cell: str) -> str:
    """Return a cell without the quotation marks around the whole of it."""
    quotes = quotations(cell)
    whole = len(quotes) == 1 and quotes[0][1] - quotes[0][0] >= len(cell.strip()) - 3
    return cell[quotes[0][0] : quotes[0][1]].strip() if whole else cell.strip()


def wordings_of(words: str, *, wrong: bool) -> tuple[list[str], list[str]]:
    """Return the wordings to use and those to avoid that ``words`` quotes; all are wrong after a ×."""
    approved: list[str] = []
    forbidden: list[str] = []
    quotes = quotations(words)
    for first, last in quotes:
        quote = words[first:last].strip()
        before = words[max(0, first - _CONTEXT_CHARS) : first]
        banned = wrong or _BEFORE_BANNED.search(simplify(outside(before, quotations(before)))) is not None
        if banned and len(quote) > 1:
            forbidden.append(quote)
        elif not banned and cues.is_script(quote):
            approved.append(quote)
    if not quotes and wrong and cues.is_script(words) and re.search("[您你]", words):
        forbidden.append(words)
    if not quotes and not wrong and re.match("(?:请问|您|[*＊]{2,})", words):
        approved.append(words)
    return approved, forbidden


def outside(words: str, quotes: Sequence[tuple[int, int]]) -> str:
    """Return ``words`` without its ``quotes`` and any quotation marks."""
    parts, at = [], 0
    for first, last in quotes:
        parts.append(words[at:first])
        at = last
    return re.sub('[“”"]', "", "".join([*parts, words[at:]]))
