"""The words of the domain, as small frozen records.

What leaves the program as JSON is in :mod:`reviewer.schema`; these are what the layers hand to
each other. Offsets are Unicode code points, half-open.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["red", "major", "minor"]
Channel = Literal["online", "phone", "unknown"]
Stage = Literal["opening", "middle", "closing", "unknown"]
Verdict = Literal["pass", "revise", "block", "not_assessed"]
Role = Literal["customer", "agent"]
Origin = Literal["grader", "check"]
RewriteBy = Literal["auto", "wordings", "model"]

SEVERITY_ORDER: dict[Severity, int] = {"red": 0, "major": 1, "minor": 2}


@dataclass(frozen=True, slots=True)
class Span:
    """A verbatim part of the draft: ``draft[start:end] == text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A numbered piece of the draft; ``number`` starts at 1."""

    number: int
    span: Span


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A draft and what is known of its situation, already validated.

    ``draft`` is one string; several bubbles are joined by a newline. ``identity_verified`` is None
    when unknown. ``facts`` are statements that the team holds to be true.
    """

    draft: str
    customer: str = ""
    history: tuple[Turn, ...] = ()
    channel: Channel = "unknown"
    stage: Stage = "unknown"
    identity_verified: bool | None = None
    agent_id: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule or passage stands in the manual."""

    document: str
    section: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One checkable norm of the manual.

    ``text`` (requirement and what to avoid) is verbatim in the manual section that ``source``
    names. ``stages`` and ``channels`` are where the rule applies. ``points`` are deducted once for
    all rules that share a ``deduction`` group. ``good_context`` is ``good`` as the draft of a
    conversation in which it breaks no rule. ``yields_to`` are the rules that win when both would be
    cited for the same words. ``known_as`` is the id by which checks, classifier and wordings know the
    rule, empty when they do not; ``vouched`` says that it is another rule's, which asks for the same in
    the words ``known_text``, and which is judged at ``known_stages`` and on ``known_channels`` alone.
    """

    id: str
    title: str
    severity: Severity
    when: str
    require: str
    avoid: str
    good: str
    bad: str
    good_context: Conversation
    text: str
    source: Source
    stages: tuple[Stage, ...]
    channels: tuple[Channel, ...]
    points: int
    deduction: str
    yields_to: tuple[str, ...]
    origins: tuple[str, ...]
    known_as: str = ""
    vouched: bool = False
    known_text: str = ""
    known_stages: tuple[Stage, ...] = ()
    known_channels: tuple[Channel, ...] = ()

    @property
    def standing(self) -> bool:
        """Whether the rule applies to every reply rather than to a situation."""
        return self.when == "any"


@dataclass(frozen=True, slots=True)
class Hit:
    """What a deterministic check found: a rule, the spans that break it, and why."""

    rule_id: str
    spans: tuple[Span, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Grade:
    """One answered question: is this rule violated by this draft?

    ``logit`` is log P(yes) - log P(no) of the language model's next token, before calibration, or
    None when it was not asked; ``probability`` (0-1) is after it; ``violated`` is what the
    thresholds make of it beside the grades of the other rules.
    """

    rule_id: str
    logit: float | None
    probability: float
    violated: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One violated rule: where, why, and who found it. No spans means something is absent."""

    rule: Rule
    probability: float
    spans: tuple[Span, ...]
    reason: str
    origin: Origin
