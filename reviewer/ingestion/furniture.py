"""What stands in a file but is not the manual: the hosting site's notices, page headers, contents, repeats.

Nothing is lost silently: everything that is left out is listed with its reason.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from reviewer.folding import fold, simplify
from reviewer.ingestion import cues
from reviewer.ingestion.blocks import Block, Extracted
from reviewer.ingestion.numbering import number_of
from reviewer.ingestion.wording import SENTENCE_ENDS

SITE, PAGE, CONTENTS, REPEAT = "网站内容", "页眉页脚", "目录", "重复段落"
NO_NORM = "不成规则"

# How a site speaks of itself, of the hosted file and of its accounts. One such word is nothing; several
# in a paragraph that never speaks of a customer is a notice. General Chinese web usage, not one site's.
_SITE_TERMS = re.compile(
    r"本站|本网|网站|网友|文档|文库|下载|上传|在线预览|预览|版权|著作权|侵权|侵犯|转载|免责声明|商业用途|授权|举报"
    r"|付费|VIP|充值|登录|注册|评论|点赞|收藏|关注我们|分享|扫码|二维码|公众号|小程序|微信扫|浏览量|阅读|发布时间"
    r"|您可能|猜你|相关推荐|相关文章|热门|最新文章|推荐阅读|上一篇|下一篇|上一页|下一页|返回|首页|查看更多|展开|全文"
    r"|实名认证|备案|ICP|copyright|©|all rights reserved|友情链接|联系我们|关于我们|隐私政策|用户协议",
    re.IGNORECASE,
)
# What only the site that hosts a file says, of itself and of the file.
_OF_ITSELF = re.compile(
    r"本站|本网站|[本该此]文档|下载文档前|部分预览|VIP文档|成为VIP|文档侵犯|文档编号|ICP备"
    r"|copyright|all rights reserved",
    re.IGNORECASE,
)
_FILE_NAME = re.compile(
    r"\.(?:docx?|pdf|pptx?|xlsx?|wps|rar|zip|txt)(?:_第\d+页)?(?:\s*(?:VIP|免费|下载))?$", re.IGNORECASE
)
_FILE_FACT = re.compile(
    r"(?:文件名称?|文件大小|文档编号|总?页数|总字数|更新时间|上传(?:时间|人|者)|下载(?:次数|量)|格式)\s*[:：]|第\s*\d+\s*页\s*[/／,，]?\s*共\s*\d+\s*页$"
)
_QUOTED_TITLE = re.compile(r"《[^》]{1,60}》")
# A paragraph about these is the manual's, whatever else it mentions.
_SUBJECT = re.compile(r"客户|顾客|客人|宾客|买家|来电|坐席|话术|接待|用户的|[√×✓✗]")
_NOTICE_TERMS = 2
_LINKED = 0.6
_SHORT = 30
_TITLE_LIKE = re.compile(
    r"\S.*(?:规范|标准|制度|手册|指南|流程|守则|规定|细则|话术|总则|条例|须知|办法|要求)"
)

_CONTENTS_HEAD = re.compile(r"目\s*录|contents", re.IGNORECASE)
_CONTENTS_LINE = re.compile(r".*(?:(?P<leader>[.．…·。]{3,}|…{2,})|\s{2}|\t)\s*(?P<page>\d{1,4})$")
_PAGE_NUMBER = re.compile(
    r"[-—\s]*(?:第\s*)?\d{1,4}(?:\s*[/／]\s*\d{1,4}|\s*页(?:\s*共\s*\d+\s*页)?)?[-—\s]*|page \d+.*"
)
# A running title and the number of the page on one line.
_TRAILING_PAGE = re.compile(r"(?:[-—–·|/第页共 ]|\d)*$")
_CONTENTS_CHARS = 120
_EDGE_LINES = 2
_REPEAT_CHARS = 60
_REPEAT_RUN = 3


@dataclass(frozen=True, slots=True)
class Removed:
    """A part of the text that was left out, ``text[start:end]``, and why."""

    start: int
    end: int
    why: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The blocks that are the manual, and what was left out, both in order."""

    blocks: tuple[Block, ...]
    removed: tuple[Removed, ...]


def without_furniture(document: Extracted) -> Cleaned:
    """Sort the blocks of ``document`` into manual and furniture."""
    reasons: dict[int, str] = {}
    texts = [document.text[block.start : block.end] for block in document.blocks]
    reasons |= dict.fromkeys(_site(document.blocks, texts), SITE)
    reasons |= dict.fromkeys(_contents(document.blocks, texts), CONTENTS)
    reasons |= dict.fromkeys(_page_lines(document.blocks, texts), PAGE)
    rest = [number for number in range(len(texts)) if number not in reasons]
    reasons |= dict.fromkeys(_repeats(rest, document.blocks, texts), REPEAT)
    removed = [
        Removed(block.start, block.end, reasons[number])
        for number, block in enumerate(document.blocks)
        if number in reasons
    ]
    kept = []
    for number, block in enumerate(document.blocks):
        if number in reasons:
            continue
        # A short line that comes twice in a row is a title over a title page or a web page's heading.
        twice = reasons.get(number + 1) == REPEAT and texts[number] == texts[number + 1]
        titled = twice and block.kind == "paragraph" and len(texts[number]) <= _SHORT
        kept.append(replace(block, kind="heading") if titled else block)
    return Cleaned(tuple(kept), tuple(removed))


def _page_lines(blocks: Sequence[Block], texts: Sequence[str]) -> Iterator[int]:
    """Yield lines at the edges of pages that come again on half of the pages, and page numbers."""
    pages: dict[int, list[int]] = {}
    for number, block in enumerate(blocks):
        if block.page:
            pages.setdefault(block.page, []).append(number)
    edges = [n for lines in pages.values() for n in {*lines[:_EDGE_LINES], *lines[-_EDGE_LINES:]}]
    shapes = {number: _TRAILING_PAGE.sub("", fold(texts[number]).text) for number in edges}
    counts = Counter(shapes.values())
    for number in edges:
        often = len(pages) > 2 and counts[shapes[number]] * 2 > len(pages)
        if often or _PAGE_NUMBER.fullmatch(texts[number].strip().lower()):
            yield number


def _contents(blocks: Sequence[Block], texts: Sequence[str]) -> Iterator[int]:
    """Yield the lines of a table of contents: three or more in a row that end in a page number.

    The numbers are pages where leaders stand before all of them, or where the lines are headed 目录 and
    the numbers never fall; a list of prices or times is neither.
    """
    run: list[int] = []
    pages: list[int] = []
    led = True
    for number in range(len(texts) + 1):
        inside = (
            number < len(texts) and blocks[number].kind != "row" and len(texts[number]) <= _CONTENTS_CHARS
        )
        line = _CONTENTS_LINE.fullmatch(texts[number]) if inside else None
        if line:
            run.append(number)
            pages.append(int(line["page"]))
            led = led and line["leader"] is not None
            continue
        headed = bool(run and run[0] and _CONTENTS_HEAD.fullmatch(texts[run[0] - 1].strip()))
        if len(run) >= 3 and (led or (headed and pages == sorted(pages))):
            yield from run
            if headed:
                yield run[0] - 1
        run, pages, led = [], [], True


def _site(blocks: Sequence[Block], texts: Sequence[str]) -> set[int]:
    """Return the blocks that are the site's: notices, lists of links and files, and what stands between.

    Source of the last step: a short block between two bad ones is bad (jusText, Pomikálek 2011).
    """
    certain = {
        number
        for number, block in enumerate(blocks)
        if block.kind != "row"
        and (block.links >= _LINKED or _is_notice(texts[number]))
        and not _may_be_norm(texts[number])
    }
    before = _beside(texts, certain)
    after = _beside(texts[::-1], {len(texts) - 1 - number for number in certain})[::-1]
    found = set(certain)
    for number, text in enumerate(texts):
        if len(text) > _SHORT or blocks[number].kind == "row" or _SUBJECT.search(text) or _may_be_norm(text):
            continue
        weak = _SITE_TERMS.search(text) is not None
        named = _TITLE_LIKE.search(text) is not None or number_of(text) is not None
        if (weak and (before[number] or after[number])) or (
            certain and not named and before[number] and after[number]
        ):
            found.add(number)
    return found


def _beside(texts: Sequence[str], certain: Collection[int]) -> list[bool]:
    """Return for every block whether nothing but short lines stands between it and site or edge before it."""
    beside: list[bool] = []
    for number in range(len(texts)):
        reached = number == 0 or number - 1 in certain
        beside.append(reached or (beside[number - 1] and _passable(texts[number - 1])))
    return beside


def _passable(text: str) -> bool:
    return len(text) <= _SHORT and not _TITLE_LIKE.fullmatch(text) and text[-1] not in SENTENCE_ENDS


def _may_be_norm(text: str) -> bool:
    """Whether a text demands, forbids or is a numbered line, and does not speak of the site itself.

    Sites number their notices and forbid things, too; words that a manual may use as well are not enough.
    """
    number = number_of(text)
    numbered = number is not None and number.style != "bullet" and not _FILE_NAME.search(text)
    return (cues.obliges(text) or numbered) and not _OF_ITSELF.search(simplify(text))


def _is_notice(text: str) -> bool:
    if _FILE_NAME.search(text) or _FILE_FACT.match(text):
        return True
    # What a work is called says nothing of whom the sentence is about.
    words = simplify(_QUOTED_TITLE.sub("", text))
    terms = {match[0].lower() for match in _SITE_TERMS.finditer(words)}
    return len(terms) >= _NOTICE_TERMS and not _SUBJECT.search(words)


def _repeats(rest: Sequence[int], blocks: Sequence[Block], texts: Sequence[str]) -> Iterator[int]:
    """Yield what stood there before: long paragraphs, runs of lines, and a line right after itself."""
    folded = {number: fold(texts[number]).text for number in rest}
    seen: set[str] = set()
    places: dict[tuple[str, ...], int] = {}
    order = list(rest)
    dropped: set[int] = set()
    for place, number in enumerate(order):
        text = folded[number]
        twice = place > 0 and text == folded[order[place - 1]] and blocks[number].kind != "row"
        if twice or (len(text) >= _REPEAT_CHARS and text in seen):
            dropped.add(number)
        seen.add(text)
        run = tuple(folded[each] for each in order[place : place + _REPEAT_RUN])
        earlier = places.setdefault(run, place)
        long_enough = len(run) == _REPEAT_RUN and sum(map(len, run)) >= _REPEAT_CHARS
        if earlier + _REPEAT_RUN <= place and long_enough:
            dropped.update(order[place : place + _REPEAT_RUN])
    yield from sorted(dropped)
