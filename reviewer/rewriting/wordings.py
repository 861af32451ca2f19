"""Loads the approved wordings: what mends a breach of each rule, and what to say instead.

They lie in the corpus folder beside the catalogue. An imported manual may have none; its rewrites
are then the language model's alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import WORDINGS_FILE, Catalogue
from reviewer.manual.entries import Entry, Line, read_entries
from reviewer.resources import content_hash
from reviewer.rewriting.facts import placeholders
from reviewer.types import Conversation

Action = Literal["remove", "prepend", "append", "replace"]
Slot = Literal["greeting", "comfort", "front", "place", "body", "closing"]
#: What a wording does. An answer says what holds, a question asks the customer for something, an addition
#: says what the draft left out, ``next`` is what we do now.
Kind = Literal["answer", "ask", "add", "next"]
# Whatever else stands in the field is not pasted into a reply.
_WORK_NUMBER = re.compile(r"[A-Za-z0-9_\-]{1,20}")
#: From the front of a reply to its end; ``place`` is wherever the cited clauses stand.
SLOT_ORDER: dict[Slot, int] = {"greeting": 0, "comfort": 1, "front": 2, "place": 3, "body": 4, "closing": 5}
_MATERIALS = "[所需材料]"
# What agents ask for; the longer name of one thing first.
_MATERIAL = re.compile(
    "取件码|取票码|订单号|运单号|快递单号|工单号|座位号|证件号后四位|证件号|身份证号|身份证|卡号后四位|卡号|手机号?(?:后四位|尾号)"
    "|预留手机号?|手机号码?|联系电话|联系方式|电话|单号|照片|视频|截图|发票抬头|抬头|税号|邮箱|收货地址|地址|姓名|房号|门牌号|车牌号|型号|银行卡|合同|营业执照|户口本|小票|保修卡"
)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as cause:
        raise ValueError("not a regular expression") from cause
    return pattern


_Pattern = Annotated[str, AfterValidator(_compiles)]


class Substitution(Entry):
    """Words to exchange within a clause."""

    find: Annotated[_Pattern, Field(min_length=1)]
    put: str


class Wording(Entry):
    """An approved wording and where it fits; an empty condition always holds."""

    text: Line
    channel: Literal["online", "phone"] | None = None
    verified: bool | None = None
    customer: _Pattern = ""
    draft: _Pattern = ""

    def fits(self, conversation: Conversation) -> bool:
        """Whether it suits the situation; what the customer wrote earlier counts as well."""
        if self.channel is not None and conversation.channel != self.channel:
            return False
        if self.verified is not None and conversation.identity_verified is not self.verified:
            return False
        said = [turn.text for turn in conversation.history if turn.role == "customer"]
        customer = "\n".join([*said, conversation.customer])
        return bool(re.search(self.customer, customer) and re.search(self.draft, conversation.draft))

    @property
    def always_fits(self) -> bool:
        """Whether it has no condition."""
        return self.channel is None and self.verified is None and not self.customer and not self.draft


class Mending(Entry):
    """What mends a breach of one rule; ``corpus/wordings.yaml`` says what the fields mean."""

    id: str
    action: Action
    extent: Literal["clause", "sentence", "run"] = "clause"
    topic: _Pattern = ""
    spared: _Pattern = ""
    slot: Slot = "body"
    kind: Kind = "next"
    scope: Literal["cited", "reply"] = "cited"
    substitutions: list[Substitution] = Field(default_factory=list)
    otherwise: Literal["remove", "append"] = "remove"
    facts: Literal["keep", "drop", "contact", "extent"] = "keep"
    forbidden: _Pattern = ""
    covers: list[str] = Field(default_factory=list)
    alone: bool = False
    points: bool = False
    settles: bool = False
    comforts: Annotated[list[Wording], Field(max_length=4)] = Field(default_factory=list)
    wordings: Annotated[list[Wording], Field(max_length=5)] = Field(default_factory=list)

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that it can put into a reply."""
        approved = (wording.text for wording in (*self.comforts, *self.wordings))
        return (*approved, *(each.put for each in self.substitutions))

    def wording(self, conversation: Conversation, attempt: int) -> str:
        """Return the wording to try: the first that fits, or a later one when that did not help.

        Empty when the rule has none.
        """
        text = _fitting(self.wordings, conversation, attempt)
        known = _WORK_NUMBER.fullmatch(conversation.agent_id)
        if _MATERIALS in text and (asked_for := dict.fromkeys(_MATERIAL.findall(conversation.draft))):
            text = text.replace(_MATERIALS, "、".join(asked_for))
        return text.replace("[工号]", known[0] if known else "[工号]")

    def comfort(self, conversation: Conversation, attempt: int) -> str:
        """Return the sentence of sympathy or apology to try; empty when none fits."""
        return _fitting(self.comforts, conversation, attempt)


def _fitting(wordings: Sequence[Wording], conversation: Conversation, attempt: int) -> str:
    fitting = [wording.text for wording in wordings if wording.fits(conversation)]
    return fitting[min(attempt, len(fitting) - 1)] if fitting else ""


class _File(Entry):
    schema_name: Literal["reviewer.wordings/1"] = Field(alias="schema")
    language: Line
    unsendable: list[_Pattern] = Field(default_factory=list)
    rules: list[Mending]


@dataclass(frozen=True)
class WordingBook:
    """The wordings of one manual by rule id; empty when it has none.

    ``unsendable`` are patterns that no reply called verified matches, whatever the review says.
    """

    mendings: Mapping[str, Mending] = field(default_factory=dict)
    unsendable: tuple[str, ...] = ()

    def get(self, rule_id: str) -> Mending | None:
        """Return what mends ``rule_id``, None when the manual does not say."""
        return self.mendings.get(rule_id)

    def named(self, names: Mapping[str, str]) -> "WordingBook":
        """Return the wordings for a manual that has other ids.

        Args:
            names: By the id of a rule there, the id of the rule here that asks for the same.
        """
        own: dict[str, list[str]] = {}
        for rule_id, known in names.items():
            own.setdefault(known, []).append(rule_id)
        mendings = {
            rule_id: self.mendings[known].model_copy(
                update={
                    "id": rule_id,
                    "covers": [each for name in self.mendings[known].covers for each in own.get(name, [])],
                }
            )
            for rule_id, known in names.items()
            if known in self.mendings
        }
        return WordingBook(mendings, self.unsendable if mendings else ())

    @cached_property
    def blanks(self) -> frozenset[str]:
        """The placeholders of all wordings: where one stands in a reply, the agent has to fill it in."""
        texts = [text for entry in self.mendings.values() for text in entry.texts]
        return frozenset(blank for text in texts for blank in placeholders(text))

    @cached_property
    def pointing(self) -> frozenset[str]:
        """The rules that words break, not what is missing; what is kept of a draft is judged by them."""
        return frozenset(rule for rule, entry in self.mendings.items() if entry.points)

    @cached_property
    def content_hash(self) -> str:
        """The hash that goes into every review, empty when there are no wordings."""
        entries = (entry.model_dump_json().encode() for entry in self.mendings.values())
        return content_hash(*entries, *map(str.encode, self.unsendable)) if self.mendings else ""


def load_wordings(folder: Path, catalogue: Catalogue) -> WordingBook:
    """Load the wordings of a corpus folder; an empty book when it has no such file.

    Raises:
        CorpusError: the file is malformed, or names a rule that the catalogue does not have.
    """
    path = folder / WORDINGS_FILE
    if not path.exists():
        return WordingBook()
    file = read_entries(path, _File)
    entries = file.rules
    known = {rule.id for rule in catalogue.rules}
    for number, entry in enumerate(entries):
        if fault := _fault(entry, known, {earlier.id for earlier in entries[:number]}):
            raise CorpusError(f"{path.name} 中 规则 {entry.id}：{fault}；请改正。")
    return WordingBook({entry.id: entry for entry in entries}, tuple(file.unsendable))


def _fault(entry: Mending, known: set[str], earlier: set[str]) -> str:
    """Return what is wrong with ``entry`` that its form does not show, empty when nothing is."""
    if entry.id not in known:
        return "手册目录里没有这条规则"
    if entry.id in earlier:
        return "出现了不止一次"
    if strange := [rule for rule in entry.covers if rule not in known]:
        return f"covers 提到不存在的 {strange[0]}"
    if not (entry.wordings or entry.comforts) or (entry.wordings and not entry.wordings[-1].always_fits):
        return "最后一条说法不能带条件，否则可能无话可用"
    if entry.action == "replace" and not entry.substitutions:
        return "action 是 replace，却没有 substitutions"
    return ""
