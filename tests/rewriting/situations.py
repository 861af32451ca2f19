"""Findings and conversations for the tests of rewriting."""

from reviewer.manual.catalogue import Catalogue
from reviewer.types import Conversation, Finding, Origin, Span


def cited(catalogue: Catalogue, rule: str, draft: str, *quotes: str, origin: Origin = "grader") -> Finding:
    """Return a finding of ``rule`` on the first place of each quote; without one, something is missing."""
    spans = tuple(Span(draft.index(quote), draft.index(quote) + len(quote), quote) for quote in quotes)
    return Finding(catalogue.rule(rule), 0.9, spans, "理由。", origin)


def asked(draft: str, customer: str = "", **known: object) -> Conversation:
    """Return a conversation in the middle of a chat."""
    fields = {"channel": "online", "stage": "middle", **known}
    return Conversation(draft=draft, customer=customer, **fields)  # type: ignore[arg-type]
