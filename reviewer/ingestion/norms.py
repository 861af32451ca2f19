"""Sections into norms: what is demanded, what is forbidden, when, and in which words."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reviewer.folding import simplify
from reviewer.ingestion import cues
from reviewer.ingestion.blocks import is_mark
from reviewer.ingestion.cues import ANY
from reviewer.ingestion.leads import Lead, inline_lead, lead_of, leads_of, name_of
from reviewer.ingestion.numbering import number_of
from reviewer.ingestion.outline import Section
from reviewer.ingestion.roles import FIELD, outside, parts_of_row, unquoted, wordings_of
from reviewer.ingestion.units import Unit
from reviewer.ingestion.wording import quotations, sentences, shortened
from reviewer.manual.imported import RuleClass, one_line
from reviewer.types import Severity, Stage

_DEPENDENT = re.compile(r"(?:例如|比如|如[：:]|即|并|同时|否则|以便|以免|其中|这样|因为|所以|此|该|（|\()")
# Stories and transcripts are told, not demanded.
_NARRATIVE = re.compile(r"案例(?!分析|点评|启示)|实例|再现|情景对话|对话实录|故事")
_TOLD = re.compile(
    r"(?<!标准)(?<!推荐)(?<!参考)(?<!规范)(?<!正确)(?<!应该)(?<!禁止)(?<!可以)(?<!应当)(?<!不得)(?<!不要)"
    r"(?:问|答|说|道|反映|喊|询问|回答)$"
)
_WORD = re.compile(r"[^\W_]")
_PUNCTUATION = re.compile(r"[，,。；;！!？?]")
_TITLED = re.compile(
    r"(?:规范|标准|制度|手册|指南|流程|守则|规定|细则|总则|条例|须知|办法|对象|步骤|模板)[（(\d]*[^，。]{0,4}$"
)
_NAME_CHARS = 45
_NOT_JUDGED = re.compile(r"不作为(?:判定|考核|扣分|检查|评分)的?依据|不列入考核")
_FIELDS = 2
_MIN_NORM = 10
_LISTED_CHARS = 90
_SCRIPT_REST = 4
_BANNED_HEADING = re.compile(r"禁|忌|不当|错误|反例|避免")


@dataclass(frozen=True, slots=True)
class Norm:
    """One norm of a document, ``text[start:end]``.

    ``approved`` and ``forbidden`` are wordings that the document gives. ``points`` is None where it
    names none. ``guessed`` are the fields that rest on words rather than on the document's structure.
    """

    start: int
    end: int
    headings: tuple[str, ...]
    title: str
    when: str
    require: str
    avoid: str
    approved: tuple[str, ...]
    forbidden: tuple[str, ...]
    kind: RuleClass
    severity: Severity
    points: int | None
    stages: tuple[Stage, ...]
    guessed: tuple[str, ...]


def norms_of(text: str, section: Section) -> list[Norm]:
    """Return the norms of a section in order; what is told or only named gives none."""
    if section.path and _NARRATIVE.search(section.path[-1]):
        return []
    said = [unit for unit in section.units if _WORD.search(unit.words) and not _names_only(section, unit)]
    units = _main_part(said)
    leads = leads_of(section, units)
    norms: list[Norm] = []
    for group, after in itertools.pairwise([*_groups(units), []]):
        last = group[-1]
        led = leads.get(after[0].block.start) if after else None
        own = lead_of(last.words)
        if len(group) == 1 and own and led and own == led and not _sentences_before(last):
            # What it says is said again by each of its items.
            continue
        lead = leads.get(group[0].block.start)
        norms += [_carried(text, norm, lead) if lead else norm for norm in _of_group(text, section, group)]
    if any(_NOT_JUDGED.search(unit.text) for unit in section.units):
        return [replace(norm, kind="background") for norm in norms]
    return norms


def _sentences_before(unit: Unit) -> bool:
    """Whether a lead-in is not all that a unit says."""
    return len(list(sentences(unit.words))) > 1


def _carried(text: str, norm: Norm, lead: Lead) -> Norm:
    """Return an item's norm with the force of the lead-in above it."""
    item = one_line(text[norm.start : norm.end]).strip("；;。，, ")
    if not lead.governs(item):
        return norm
    whole = f"{lead.words}：{item}"
    wordings = (*norm.approved, *norm.forbidden)
    severity, points, stated = cues.severity_of(whole)
    norm = replace(
        norm,
        require=whole,
        kind=cues.class_of(whole, " ".join(norm.headings), scripts=bool(wordings)),
        severity=severity if stated or "severity" in norm.guessed else norm.severity,
        points=points or norm.points,
        guessed=tuple(dict.fromkeys((*norm.guessed, "require", "avoid"))),
    )
    if not lead.bans:
        return norm
    return replace(norm, title=shortened(f"不得：{item}"), avoid=item, approved=(), forbidden=wordings)


def _names_only(section: Section, unit: Unit) -> bool:
    """Whether a line is a title or a name rather than a statement."""
    words = unit.words
    if unit.block.cells or unit.style in ("right", "wrong") or _is_quote(unit):
        return False
    if words.endswith((":", "：")) and len(words) <= _NAME_CHARS and not cues.obliges(words):
        return True
    bare = not _PUNCTUATION.search(words) and len(words) <= _NAME_CHARS and not cues.obliges(words)
    listed = bool(unit.style) or unit.block.kind == "item"
    return bare and ((len(section.path) <= 1 and not listed) or _TITLED.search(words) is not None)


def _of_group(text: str, section: Section, group: Sequence[Unit]) -> Iterator[Norm]:
    first = group[0]
    if first.block.cells:
        yield _of_row(text, section, first)
    elif _field_of(group[-1]):
        yield _of_fields(section, group)
    elif first.style in ("right", "wrong"):
        yield _of_marks(section, group)
    elif _is_quote(first):
        yield _of_scripts(section, group)
    else:
        yield from _of_sentences(section, first)


def _groups(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Put together what is one norm: √ and × of one situation, and lists of words to say."""
    group: list[Unit] = []
    for unit in units:
        if group and not _belongs(group, unit):
            yield group
            group = []
        group.append(unit)
    if group:
        yield group


def _main_part(units: Sequence[Unit]) -> Sequence[Unit]:
    """Return the units up to the last field (推荐说法：…): running text below explains the rule above."""
    fields = [number for number, unit in enumerate(units) if _field_of(unit)]
    if len(fields) < _FIELDS:
        return units
    return [
        unit for number, unit in enumerate(units) if number <= fields[-1] or unit.style or unit.block.cells
    ]


def _field_of(unit: Unit) -> str:
    """Return what a line tells of a rule by its name (适用：…, 扣分：…), empty when it is no such line."""
    match = None if unit.block.cells or unit.style in ("right", "wrong") else FIELD.match(unit.words)
    return (match.lastgroup or "") if match else ""


def _belongs(group: Sequence[Unit], unit: Unit) -> bool:
    if _field_of(unit):
        if _field_of(unit) == "when" and any(_field_of(each) == "when" for each in group):
            return False
        # The line above the first field is the rule itself.
        return len(group) == 1 or bool(_field_of(group[-1]))
    if _field_of(group[-1]):
        return False
    marked = group[0].style in ("right", "wrong")
    if marked and unit.style == "right":
        return group[-1].style == "right" and not cues.is_condition(unit.words)
    if marked:
        return unit.style == "wrong" or not (unit.style or unit.block.cells)
    return _is_quote(group[0]) and _is_quote(unit)


def _is_quote(unit: Unit) -> bool:
    """Whether a line is nothing but words to say, with a remark at most."""
    words = unit.words
    quotes = quotations(words)
    rest = re.sub(r"[（(][^）)]*[）)]|[，,。、或：:；;\s]", "", outside(words, quotes))
    plain = not unit.block.cells and not cues.obliges(rest)
    return bool(quotes) and plain and len(rest) <= _SCRIPT_REST


def _of_marks(section: Section, group: Sequence[Unit]) -> Norm:
    approved: list[str] = []
    forbidden: list[str] = []
    demanded: list[str] = []
    banned: list[str] = []
    style = "right"
    for unit in group:
        style = unit.style if unit.style in ("right", "wrong") else style
        good, bad = wordings_of(unit.words, wrong=style == "wrong")
        approved += good
        forbidden += bad
        (banned if style == "wrong" else demanded).append(unit.words)
    heading = section.path[-1] if section.path else ""
    words = "".join(unit.words for unit in group)
    own = cues.situation_of(group[0].words, "") if section.units[0] is not group[0] else ANY
    when = own if own != ANY else heading or ANY
    norm = _norm(section, group, words, scripts=True)
    return replace(
        norm,
        title=shortened(when) if when != ANY else norm.title,
        when=when,
        require=" ".join(demanded) or words,
        avoid=" ".join(banned),
        approved=tuple(dict.fromkeys(approved)),
        forbidden=tuple(dict.fromkeys(forbidden)),
        guessed=tuple(
            name for name in norm.guessed if name not in ("class", "when", "require", "avoid", "title")
        ),
    )


def _of_scripts(section: Section, group: Sequence[Unit]) -> Norm:
    heading = section.path[-1] if section.path else "规范用语"
    texts = [unit.words[first:last].strip() for unit in group for first, last in quotations(unit.words)]
    banned = _BANNED_HEADING.search(simplify(heading)) is not None
    norm = _norm(section, group, heading + "".join(texts), scripts=True)
    return replace(
        norm,
        title=shortened(heading),
        require=f"避免“{heading}”所列的说法" if banned else f"使用“{heading}”所列的说法",
        avoid="",
        when=cues.situation_of("", heading),
        approved=() if banned else tuple(dict.fromkeys(texts)),
        forbidden=tuple(dict.fromkeys(texts)) if banned else (),
        guessed=tuple(name for name in norm.guessed if name != "class"),
    )


def _of_fields(section: Section, group: Sequence[Unit]) -> Norm:
    """Read a rule whose lines say what they are: when, what, in which words, at which price."""
    values: dict[str, list[str]] = {}
    for unit in group:
        words = unit.words
        match = FIELD.match(words)
        if match and match.lastgroup:
            values.setdefault(match.lastgroup, []).append(words[match.end() :].strip())
        else:
            values.setdefault("require", []).append(words)
    main = " ".join(values.get("require", [])) or section.heading
    quoted = {role: [unquoted(value) for value in values.get(role, [])] for role in ("approved", "forbidden")}
    norm = _norm(section, group, main, scripts=any(quoted.values()))
    severity, points, priced = cues.severity_of(
        " ".join((main, *values.get("points", []), *values.get("severity", [])))
    )
    demanded, banned = cues.demands_and_bans(main)
    return replace(
        norm,
        title=shortened(section.path[-1] if section.path else demanded or main),
        when=cues.any_or(values["when"][0]) if "when" in values else cues.situation_of(main, ""),
        require=demanded or main,
        avoid=banned,
        approved=tuple(filter(None, quoted["approved"])),
        forbidden=tuple(filter(None, quoted["forbidden"])),
        severity=severity,
        points=points,
        guessed=tuple(
            name
            for name in norm.guessed
            if not (name == "severity" and priced)
            and not (name == "when" and "when" in values)
            and name != "title"
        ),
    )


def _of_row(text: str, section: Section, unit: Unit) -> Norm:
    """Read a table's row by what its columns are called; without names by what the cells hold."""
    block = unit.block
    cells = [one_line(text[first:last]) for first, last in block.cells]
    found = parts_of_row(block.columns, cells)
    words = " ".join(cell for cell in dict.fromkeys(cells) if cell and not is_mark(cell))
    norm = _norm(section, [unit], words, scripts="approved" in found or "forbidden" in found)
    severity, points, priced = norm.severity, norm.points, "severity" not in norm.guessed
    if "points" in found:
        severity, points, priced = cues.severity_of(f"扣{found['points'][0].strip('-－')}分")
    name = "，".join(found.get("when", [])[:2])
    said, unsaid = found.get("approved", []), found.get("forbidden", [])
    banned = "不得：" + "；".join(unsaid) if unsaid else ""
    require = "；".join(found.get("require", []) or said) or banned or words
    return replace(
        norm,
        title=shortened(f"{section.path[-1]}：{name}" if section.path and name else name or require),
        when=name or ANY,
        require=require,
        avoid="" if require == banned else cues.demands_and_bans(require)[1],
        approved=tuple(map(unquoted, said)),
        forbidden=tuple(map(unquoted, unsaid)),
        severity=severity,
        points=points,
        guessed=tuple(
            name
            for name in norm.guessed
            if not (name == "severity" and priced)
            and not (name in ("when", "require", "title") and block.columns)
        ),
    )


def _of_sentences(section: Section, unit: Unit) -> Iterator[Norm]:
    """Yield the norms of a paragraph: each begins with a sentence that demands or forbids something."""
    text = unit.text[unit.number.end :] if unit.number else unit.text
    lead = name_of(one_line(text))
    if _TOLD.search(lead):
        return
    listed = bool(unit.style or lead or unit.block.kind == "item" or len(text) <= _LISTED_CHARS)
    parts: list[tuple[int, int]] = []
    obliged = led = False
    for first, last in sentences(text):
        words = text[first:last].strip()
        obliges = cues.obliges(words)
        dependent = _DEPENDENT.match(words) is not None
        led = led or inline_lead(words) is not None
        itemised = led and number_of(words) is not None
        starts = obliges and obliged and not dependent and not itemised and len(words) >= _MIN_NORM
        if parts and not starts and (listed or obliged) and (listed or dependent or len(words) < _MIN_NORM):
            parts[-1] = (parts[-1][0], last)
        elif listed or obliges:
            parts.append((first, last))
        else:
            obliged = False
            continue
        obliged = obliged or obliges
    for number, (first, last) in enumerate(parts):
        yield _of_words(section, unit, (unit.body + first, unit.body + last), lead if number == 0 else "")


def _of_words(section: Section, unit: Unit, bounds: tuple[int, int], lead: str) -> Norm:
    start, end = bounds
    piece = unit.text[start - unit.block.start : end - unit.block.start]
    words = one_line(piece)
    approved, forbidden = wordings_of(words, wrong=False)
    norm = _norm(section, [unit], words, scripts=bool(approved or forbidden))
    inner = words[len(lead) :].lstrip("：:。 ") if lead else words
    plain = cues.without_points(inner)
    demanded, banned = cues.demands_and_bans(plain)
    listed = inline_lead(cues.without_points(words))
    if listed:
        inner = words
    if listed and listed[0].bans:
        # What is listed after a ban is forbidden, whatever words it is made of.
        demanded, banned = "", listed[1].strip("；;。，, ")
        approved, forbidden = [], [*approved, *forbidden]
    elif listed:
        demanded, banned = words.strip("；;。，, "), ""
    if demanded == cues.situation_of(inner, "") or cues.is_bare(demanded):
        demanded = ""
    if norm.points is not None and not cues.obliges(plain):
        demanded, banned = cues.priced(plain)
    lead_space = len(piece) - len(piece.lstrip())
    return replace(
        norm,
        start=start + lead_space,
        end=start + lead_space + len(piece.strip()),
        title=shortened(lead or demanded or plain),
        when=cues.situation_of(inner, section.path[-1] if section.path else ""),
        require=demanded or inner,
        avoid=banned,
        approved=tuple(approved),
        forbidden=tuple(forbidden),
    )


def _norm(section: Section, group: Sequence[Unit], words: str, *, scripts: bool) -> Norm:
    """Return a norm over the units with what follows from its words alone."""
    headings = " ".join(section.path)
    severity, points, stated = cues.severity_of(words)
    guessed = ["class", "title", "when", "require", "avoid", "stages"]
    return Norm(
        start=group[0].body,
        end=group[-1].block.end,
        headings=section.path,
        title=shortened(words),
        when=ANY,
        require=words,
        avoid="",
        approved=(),
        forbidden=(),
        kind=cues.class_of(words, headings, scripts=scripts),
        severity=severity,
        points=points,
        stages=cues.stages_of(f"{section.path[-1] if section.path else ''} {words[:_LISTED_CHARS]}"),
        guessed=tuple(guessed if stated else [*guessed, "severity"]),
    )
