"""The classifier as one manual sees it."""

from collections.abc import Mapping, Sequence

from reviewer.classifier.model import RuleClassifier, RuleScore
from reviewer.deadline import Deadline
from reviewer.resources import content_hash
from reviewer.types import Clause, Conversation, Rule


def known_to(classifier: RuleClassifier, rules: Sequence[Rule]) -> Mapping[str, str]:
    """Return, by the id of a rule, the id by which ``classifier`` knows it.

    It knows what it was trained on, worded like this, and what is said to ask for the same as a rule that
    it was trained on.
    """
    names = ((rule.id, _name(classifier, rule)) for rule in rules)
    return {rule_id: name for rule_id, name in names if name}


def _name(classifier: RuleClassifier, rule: Rule) -> str:
    # One that was trained on the imported manual itself knows its rules by their own ids.
    if _knows(classifier, rule.id, rule.text):
        return rule.id
    # One that was trained on another manual may know another rule by the id of a shipped one.
    return rule.known_as if rule.vouched and _knows(classifier, rule.known_as, rule.known_text) else ""


def _knows(classifier: RuleClassifier, rule_id: str, text: str) -> bool:
    return classifier.knows(rule_id, content_hash(text.encode()))


class ManualClassifier:
    """Scores the rules of a manual that the classifier knows, by the manual's own ids."""

    def __init__(self, classifier: RuleClassifier, names: Mapping[str, str]) -> None:
        """Keep ``names``, those of ``known_to``; the classifier stays the caller's to close."""
        self.identity = classifier.identity
        self._classifier, self._names = classifier, names

    def scores(
        self, conversation: Conversation, clauses: Sequence[Clause], *, deadline: Deadline
    ) -> Mapping[str, RuleScore]:
        """See ``RuleClassifier.scores``."""
        scores = self._classifier.scores(conversation, clauses, deadline=deadline)
        return {rule_id: scores[name] for rule_id, name in self._names.items() if name in scores}
