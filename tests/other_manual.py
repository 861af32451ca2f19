"""A manual of another company, and a classifier that was trained on given rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from reviewer.classifier import RuleClassifier, RuleScore
from reviewer.deadline import Deadline
from reviewer.resources import content_hash
from reviewer.types import Clause, Conversation, Rule
from tests.classifier.test_head import make_head


def namesake(rule: Rule, rule_id: str, **fields: object) -> Rule:
    """Return a rule of another manual, in other words, that is said to ask for the same as ``rule``."""
    known = {"known_text": rule.text, "known_stages": rule.stages, "known_channels": rule.channels}
    own = {"text": f"本店规定：{rule.text}", "deduction": rule_id, "yields_to": (), **known, **fields}
    return replace(rule, id=rule_id, known_as=rule.id, vouched=True, **own)  # type: ignore[arg-type]


def stranger(rule: Rule, rule_id: str, **fields: object) -> Rule:
    """Return a rule of another manual that is not said to be the same as any."""
    return replace(namesake(rule, rule_id, **fields), known_as="", vouched=False)


def write_manual(folder: Path, *rules: Mapping[str, object]) -> Path:
    """Write an imported manual; ``rules`` have at least ``id``, ``text`` and ``severity``."""
    document = "前台守则\n" + "".join(f"{rule['text']}\n" for rule in rules)
    entries = []
    for rule in rules:
        text = str(rule["text"])
        start = document.index(text)
        place = {"document": "desk", "section": "用语", "start": start, "end": start + len(text)}
        entries.append({"class": "checkable", "title": text, "when": "any", "require": text, **place, **rule})
    section = {"heading": "用语", "start": document.index("\n") + 1, "end": len(document)}
    data = {
        "schema": "reviewer.imported/1",
        "documents": [{"file": "desk.txt", "title": "前台守则", "sections": [section]}],
        "rules": entries,
    }
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "desk.txt").write_text(document, encoding="utf-8")
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return folder


class TrainedOn(RuleClassifier):
    """A classifier that knows ``rules`` and answers by a script, all attention on the first clause.

    A rule that ``logits`` does not name gets -5.
    """

    def __init__(self, rules: Sequence[Rule], logits: Mapping[str, float] | None = None) -> None:
        """Load no weights."""
        self.identity = "scripted"
        self.head = replace(
            make_head(),
            rules=np.array([rule.id for rule in rules]),
            texts=np.array([content_hash(rule.text.encode()) for rule in rules]),
        )
        self.logits = {rule.id: (logits or {}).get(rule.id, -5.0) for rule in rules}
        self.in_time = True

    def scores(
        self, _conversation: Conversation, clauses: Sequence[Clause], *, deadline: Deadline
    ) -> Mapping[str, RuleScore]:
        """See ``RuleClassifier.scores``; nothing unless ``in_time``."""
        del deadline
        weights = tuple(float(clause.number == 1) for clause in clauses)
        return {rule: RuleScore(logit, weights) for rule, logit in self.logits.items() if self.in_time}
