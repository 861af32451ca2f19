"""Which rule of a known manual asks for the same as an imported one.

What is known of the one, checks, wordings and a trained classifier, then serves the other. A guess:
every field it fills is marked, and a person confirms it or strikes it out.

Source: cosine of TF-IDF over single characters and pairs, which needs no segmentation of Chinese.
"""

from collections.abc import Mapping, Sequence

from reviewer.manual.imported import RuleEntry
from reviewer.types import Rule

FIELD = "same_as"
# Of the four raw manuals nine in ten of the pairs above it are right (decision 8), and of rules that
# other companies have for themselves about one in twenty lies above it.
_ALIKE = 0.24


def likely_same(entries: Sequence[RuleEntry], known: Sequence[Rule]) -> Mapping[str, str]:
    """Return, by the id of an entry, the id of the rule that it most resembles, where it does so enough.

    Args:
        entries: Imported rules; those that a reply cannot be checked against are passed over.
        known: The rules of the known manual. Their own wordings count as part of what they say.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    checkable = [entry for entry in entries if entry.kind == "checkable"]
    if not checkable or not known:
        return {}
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    # Fitted on the known rules alone, so that a guess does not hang on what else was imported.
    theirs = vectorizer.fit_transform([_said(rule, rule.good, rule.bad) for rule in known])
    ours = vectorizer.transform([_said(entry) for entry in checkable])
    likeness = (ours @ theirs.T).toarray()
    best = likeness.argmax(axis=1)
    return {
        entry.id: known[place].id
        for row, (entry, place) in enumerate(zip(checkable, best, strict=True))
        if likeness[row, place] >= _ALIKE
    }


def with_likely_same(entries: Sequence[RuleEntry], known: Sequence[Rule]) -> list[RuleEntry]:
    """Return ``entries`` in their order, with ``same_as`` filled in and marked as guessed where found.

    A severity that was a guess as well becomes that of the known rule.
    """
    found = likely_same(entries, known)
    rules = {rule.id: rule for rule in known}
    return [_same_as(entry, rules[found[entry.id]]) if entry.id in found else entry for entry in entries]


def _same_as(entry: RuleEntry, rule: Rule) -> RuleEntry:
    severity = rule.severity if "severity" in entry.guessed else entry.severity
    guessed = [*entry.guessed, FIELD]
    return entry.model_copy(update={FIELD: rule.id, "severity": severity, "guessed": guessed})


def _said(rule: RuleEntry | Rule, *wordings: str) -> str:
    when = "" if rule.when == "any" else rule.when
    return "。".join((rule.title, rule.text, when, *wordings))
