"""How much of what a set of labelled examples holds: the figures of the datasheet."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reviewer.evaluation.examples import Example
from reviewer.manual.catalogue import Catalogue

# The second text of a pair repeats the situation of the first and is not counted again.
_TWINS = frozenset({"variant", "clean"})


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts over examples, one a row of a data file; every rule of the manual has an entry.

    ``near_miss_passes`` are replies without a violation that resemble breaking the rule.
    ``multi_turn`` are examples with at least one earlier message, ``contrast_pairs`` those that
    belong to one. ``violations`` counts examples, however many quotes a rule has in one,
    and leaves out rules in dispute.
    """

    examples: int
    verdicts: Mapping[str, int]
    violations: Mapping[str, int]
    near_miss_passes: Mapping[str, int]
    industries: Mapping[str, int]
    manners: Mapping[str, int]
    multi_turn: int
    contrast_pairs: int

    @property
    def multi_turn_share(self) -> float | None:
        """Share of examples with history, None without examples."""
        return self.multi_turn / self.examples if self.examples else None

    @property
    def contrast_pair_share(self) -> float | None:
        """Share of examples in a contrast pair, None without examples."""
        return self.contrast_pairs / self.examples if self.examples else None

    def to_text(self) -> str:
        """Return the figures in Chinese, one row a rule."""
        verdicts = "，".join(f"{name} {count}" for name, count in self.verdicts.items())
        manners = "，".join(f"{name or '未标'} {count}" for name, count in self.manners.items())
        lines = [
            f"样本 {self.examples} 条：{verdicts}",
            f"行业 {len(self.industries)} 个",
            f"有上文 {self.multi_turn} 条（{_percent(self.multi_turn_share)}）",
            f"属于对照组 {self.contrast_pairs} 条（{_percent(self.contrast_pair_share)}）",
            f"笔法：{manners or '无'}",
            "",
            "| 规则 | 违规 | 形似而合规 |",
            "|---|---|---|",
        ]
        lines += [
            f"| {rule} | {count} | {self.near_miss_passes[rule]} |" for rule, count in self.violations.items()
        ]
        return "\n".join(lines)


def coverage_of(examples: Sequence[Example], catalogue: Catalogue) -> Coverage:
    """Count what ``examples`` hold; twins (``variant``, ``clean``) are left out."""
    counted = [example for example in examples if example.kind not in _TWINS]
    violated = Counter(rule for example in counted for rule in example.gold)
    resembled = Counter(
        rule for example in counted if not example.violations for rule in set(example.near_miss)
    )
    rules = [rule.id for rule in catalogue.rules]
    verdicts = Counter(example.verdict for example in counted)
    return Coverage(
        examples=len(counted),
        verdicts={name: verdicts[name] for name in ("pass", "revise", "block")},
        violations={rule: violated[rule] for rule in rules},
        near_miss_passes={rule: resembled[rule] for rule in rules},
        industries=_by_size(example.industry for example in counted if example.industry),
        manners=_by_size(example.manner for example in counted),
        multi_turn=sum(bool(example.history) for example in counted),
        contrast_pairs=sum(bool(example.pair) for example in counted),
    )


def _by_size(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.0%}"
