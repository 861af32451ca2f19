"""Rules of another manual that ask for the same as a shipped one: what follows from that."""

from collections.abc import Iterator
from dataclasses import replace

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue
from reviewer.types import Rule


def adopt(catalogue: Catalogue, shipped: Catalogue) -> Catalogue:
    """Return ``catalogue`` with its rules that are the same as shipped ones treated like these.

    Such a rule is judged at the stages and on the channels where that one is, for nothing is known of
    others; where both have none in common it is not taken for the same. It yields to rules that are the
    same as those to which that one yields.

    Raises:
        CorpusError: a rule is said to be the same as one that ``shipped`` does not have.
    """
    originals = {rule.id: rule for rule in shipped.rules}
    rules = [_narrowed(rule, originals) if rule.vouched else rule for rule in catalogue.rules]
    settled = [
        replace(rule, yields_to=(*rule.yields_to, *_yields(rule, originals[rule.known_as], rules)))
        if rule.vouched
        else rule
        for rule in rules
    ]
    return replace(catalogue, rules=tuple(settled))


def _narrowed(rule: Rule, originals: dict[str, Rule]) -> Rule:
    original = originals.get(rule.known_as)
    if original is None:
        raise CorpusError(
            f"手册目录有误：规则 {rule.id} 的 same_as 是 {rule.known_as}，"
            "随附手册里没有这条规则；请改正或删去。"
        )
    stages = tuple(stage for stage in rule.stages if stage in original.stages)
    channels = tuple(channel for channel in rule.channels if channel in original.channels)
    if not stages or not channels:
        return replace(rule, known_as="", vouched=False)
    return replace(rule, stages=stages, channels=channels)


def _yields(rule: Rule, original: Rule, rules: list[Rule]) -> Iterator[str]:
    for other in rules:
        if (
            other.known_as in original.yields_to
            and other.id not in rule.yields_to
            and rule.id not in other.yields_to
        ):
            yield other.id
