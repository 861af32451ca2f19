"""Rules of another manual that ask for the same as a shipped one: what follows from that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue
from reviewer.types import SEVERITY_ORDER, Rule


def adopt(catalogue: Catalogue, shipped: Catalogue) -> Catalogue:
    """Return ``catalogue`` with its rules that are the same as shipped ones treated like these.

    Such a rule is judged at the stages and on the channels where that one is, for nothing is known of
    others. It yields to rules that are the same as those to which that one yields and that this manual
    holds for at least as grave. A rule that has the id of a shipped one and other words is not known.

    Raises:
        CorpusError: a rule is said to be the same as one that ``shipped`` does not have.
    """
    originals = {rule.id: rule for rule in shipped.rules}
    rules = [_placed(rule, originals) if rule.vouched else _own(rule, originals) for rule in catalogue.rules]
    settled = [
        replace(rule, yields_to=(*rule.yields_to, *_yields(rule, originals[rule.known_as], rules)))
        if rule.vouched
        else rule
        for rule in rules
    ]
    return replace(catalogue, rules=tuple(settled))


def _placed(rule: Rule, originals: Mapping[str, Rule]) -> Rule:
    original = originals.get(rule.known_as)
    if original is None:
        raise CorpusError(
            f"手册目录有误：规则 {rule.id} 的 same_as 是 {rule.known_as}，"
            "随附手册里没有这条规则；请改正或删去。"
        )
    return replace(
        rule,
        known_text=original.text,
        known_stages=original.stages,
        known_channels=original.channels,
    )


def _own(rule: Rule, originals: Mapping[str, Rule]) -> Rule:
    original = originals.get(rule.known_as)
    reworded = original is not None and original.text != rule.text
    return replace(rule, known_as="") if reworded else rule


def _yields(rule: Rule, original: Rule, rules: Sequence[Rule]) -> Iterator[str]:
    for other in rules:
        if (
            other.known_as in original.yields_to
            and SEVERITY_ORDER[other.severity] <= SEVERITY_ORDER[rule.severity]
            and other.id not in rule.yields_to
            and rule.id not in other.yields_to
        ):
            yield other.id
