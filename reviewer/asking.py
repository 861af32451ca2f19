"""What a language model is told of the rules that a draft breaks: in a review and in training alike."""

from collections.abc import Sequence

from reviewer.prompting.book import Violation
from reviewer.rewriting import WordingBook
from reviewer.types import Conversation, Rule


def asked_of(rules: Sequence[Rule], conversation: Conversation, wordings: WordingBook) -> list[Violation]:
    """Return a violation for each of ``rules``, in order, with the approved wording that fits first."""
    entries = [(rule, wordings.get(rule.id)) for rule in rules]
    return [
        Violation(rule, (), entry.comfort(conversation, 0) + entry.wording(conversation, 0) if entry else "")
        for rule, entry in entries
    ]
