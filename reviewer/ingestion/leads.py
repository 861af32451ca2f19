"""Lead-ins (不得有下列行为：, 应当做到以下几点：) and the items that they govern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.folding import simplify
from reviewer.ingestion import cues
from reviewer.ingestion.outline import Section
from reviewer.ingestion.units import Unit
from reviewer.ingestion.wording import SENTENCE_ENDS

_LIST = r"下列|以下|如下|之一|几[点种项类]|各项|[行为情形事项言语用做法]{2}"
_INLINE = re.compile(
    rf"(?P<lead>[^{SENTENCE_ENDS}：:]{{0,80}}(?:下列|以下|如下)[^{SENTENCE_ENDS}：:]{{0,20}})[：:](?P<items>.+)"
)
_BEFORE_ITEMS = re.compile(rf"[^{SENTENCE_ENDS}]{{0,80}}(?:{_LIST})[^{SENTENCE_ENDS}：:]{{0,20}}[：:]$")
_HEADING = re.compile(
    r".{0,20}(?:不得|不准|不许|不应|不能|不可|禁止|严禁|杜绝|避免)(?:.{0,8}(?:下列|以下|如下).{0,10}"
    r"|(?:性|的|有|出现)*(?:行为|情形|事项|言行|言辞|做法))"
)
# An item that says its own force is not turned round by what stands above it.
_OWN_FORCE = re.compile(r"不得|不准|不许|严禁|禁止|必须|务必|应当?(?:先|主动|立即)")
_NAME = re.compile(r"(?P<name>[^：:。；;，,“”\"]{2,14})[：:](?!\s*$)|(?P<short>[^。，,：:；;]{2,8})。(?=.)")
_MARKED = ("right", "wrong")


@dataclass(frozen=True, slots=True)
class Lead:
    """What governs an item: the words of the lead-in, and whether it forbids."""

    words: str
    bans: bool

    def governs(self, item: str) -> bool:
        """Whether an item draws its force from the lead-in."""
        if self.bans:
            return _OWN_FORCE.match(simplify(item)) is None
        return not cues.obliges(item)


def lead_of(words: str) -> Lead | None:
    """Return ``words`` as a lead-in to the lines below it, None when they are none."""
    last = re.split(rf"[{SENTENCE_ENDS}]", words.rstrip())[-1]
    if not _BEFORE_ITEMS.fullmatch(simplify(last)) or not cues.obliges(last):
        return None
    return Lead(last.rstrip("：: "), cues.forbids(last))


def inline_lead(words: str) -> tuple[Lead, str] | None:
    """Return the lead-in that ``words`` begin with and the items after it, None when there is none."""
    match = _INLINE.match(words)
    if match is None or not cues.obliges(match["lead"]):
        return None
    return Lead(match["lead"].strip(), cues.forbids(match["lead"])), match["items"].strip()


def leads_of(section: Section, units: Sequence[Unit]) -> dict[int, Lead]:
    """Return what governs each unit, by its start: a heading above, or a line before it."""
    banned = next((each for each in section.path[::-1] if _HEADING.fullmatch(simplify(each))), "")
    above = Lead(banned, bans=True) if banned else None
    listed = any(_is_item(unit) for unit in units)
    found: dict[int, Lead] = {}
    lead: Lead | None = None
    style, before = "", "："
    for unit in units:
        if (
            lead
            and not (_is_item(unit) and unit.style != style)
            and not (not unit.style and before.endswith(("；", ";", "：", ":")))
        ):
            lead = None
        governing = lead or (above if _is_item(unit) or not listed else None)
        if governing and not unit.block.cells and unit.style not in _MARKED:
            found[unit.block.start] = governing
        own = lead_of(unit.words)
        if own is not None:
            lead, style = own, unit.style
        before = unit.words
    return found


def name_of(words: str) -> str:
    """Return the name that a paragraph begins with (信息准确：…; 热情接待。…), empty when it has none."""
    lead = _NAME.match(words)
    if lead is None:
        return ""
    name = lead["name"] or lead["short"]
    return "" if lead["short"] and cues.obliges(name) else name.strip()


def _is_item(unit: Unit) -> bool:
    return bool(unit.style) or unit.block.kind == "item"
