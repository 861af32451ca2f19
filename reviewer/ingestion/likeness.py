"""Which rule of a known manual asks for the same as an imported one.

What is known of the one, checks, wordings and a trained classifier, then serves the other. A guess:
every field it fills is marked, and a person confirms it or strikes it out.

Source: cosine of TF-IDF over single characters and pairs, which needs no segmentation of Chinese.
"""

import re
from collections.abc import Mapping, Sequence

from reviewer.folding import fold
from reviewer.manual.imported import CHANNELS, STAGES, RuleEntry
from reviewer.numerals import NUMERAL
from reviewer.types import Rule

FIELD = "same_as"
# Of the four raw manuals nine in ten of the pairs above it are right (decision 8), and of rules that
# other companies have for themselves about one in twenty lies above it.
_ALIKE = 0.24
_TIMES = re.compile(rf"{NUMERAL}(?=\s*个?(?:工作)?(?:秒|分钟|小时|天|日|周|月))")
_PERMITS = re.compile("(?<!不)(?:可以(?:直接)?(?:把|将|告诉|透露)|允许|准许|不必|无需|无须)")


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
        if likeness[row, place] >= _ALIKE and not _at_odds(entry, known[place])
    }


def with_likely_same(entries: Sequence[RuleEntry], known: Sequence[Rule]) -> list[RuleEntry]:
    """Return ``entries`` in their order, with ``same_as`` filled in and marked as guessed where found.

    A severity that was a guess as well becomes that of the known rule; so do stages and channels that
    were not narrowed.
    """
    found = likely_same(entries, known)
    rules = {rule.id: rule for rule in known}
    return [_same_as(entry, rules[found[entry.id]]) if entry.id in found else entry for entry in entries]


def _same_as(entry: RuleEntry, rule: Rule) -> RuleEntry:
    guessed = list(entry.guessed)
    fields: dict[str, object] = {FIELD: rule.id}
    if "severity" in guessed:
        fields["severity"] = rule.severity
    # Where the text does not say, it holds where the known rule does.
    for name, everywhere, theirs in (("stages", STAGES, rule.stages), ("channels", CHANNELS, rule.channels)):
        if tuple(getattr(entry, name)) == everywhere and theirs != everywhere:
            fields[name] = list(theirs)
            guessed += [name] if name not in guessed else []
    return entry.model_copy(update={**fields, "guessed": [*guessed, FIELD]})


def _at_odds(entry: RuleEntry, rule: Rule) -> bool:
    """Whether one permits something, or a rule about times has other ones: likeness is blind to both."""
    ours, theirs = fold(entry.text).text, fold(rule.text).text
    limits = set(_TIMES.findall(theirs))
    strange = bool(limits) and not limits.issuperset(_TIMES.findall(ours))
    return strange or bool(_PERMITS.search(ours)) != bool(_PERMITS.search(theirs))


def _said(rule: RuleEntry | Rule, *wordings: str) -> str:
    when = "" if rule.when == "any" else rule.when
    return "。".join((rule.title, rule.text, when, *wordings))
