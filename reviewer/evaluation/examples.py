"""Labelled examples: what a line of a data file holds, and reading it.

``eval/data/example.schema.json`` is made from ``Example``:
``python -m reviewer.evaluation.examples > eval/data/example.schema.json``.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import InputError
from reviewer.malformed import where_it_is
from reviewer.resources import content_hash
from reviewer.schema import ReviewRequest, TurnIn
from reviewer.types import Channel, Stage

# What an example stands for in a set that compares two drafts; ``partner`` names the other one.
Kind = Literal["plain", "base", "variant", "clean", "attack", "mutated"]
LabelledVerdict = Literal["pass", "revise", "block"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class LabelledViolation(_Record):
    """One rule that the draft breaks; ``quote`` is verbatim in the draft, empty for an absence."""

    rule: str
    quote: str = ""
    reason: str = ""


class Example(_Record):
    """A situation, a draft, and what is wrong with it."""

    id: str
    industry: str = ""
    channel: Channel = "unknown"
    stage: Stage = "unknown"
    history: list[TurnIn] = Field(default_factory=list)
    customer: str = ""
    draft: str
    verdict: LabelledVerdict
    violations: list[LabelledViolation] = Field(default_factory=list)
    rewrite: str = Field("", description="A compliant reply; empty for pass, and where nobody wrote one.")
    near_miss: list[str] = Field(default_factory=list, description="Rules it resembles breaking.")
    disputed: list[str] = Field(default_factory=list, description="Rules left out of its scoring.")
    pair: str = Field("", description="Contrast pair: the same situation, one difference.")
    manner: str = ""
    identity_verified: bool | None = None
    facts: list[str] = Field(default_factory=list)
    public_numbers: list[str] = Field(default_factory=list)
    author: str = Field("", description="File it comes from, set on reading when empty.")
    kind: Kind = "plain"
    partner: str = ""
    tags: list[str] = Field(default_factory=list, description="Edit, attack, level or pulled rules.")

    @property
    def gold(self) -> frozenset[str]:
        """The rules that it breaks, those in dispute left out."""
        return frozenset(violation.rule for violation in self.violations) - frozenset(self.disputed)

    @property
    def verdict_only(self) -> bool:
        """Whether it is labelled as wrong without saying which rule: such labels cannot judge a citation."""
        return self.verdict != "pass" and not self.violations and not self.disputed

    @property
    def is_wrong(self) -> bool:
        """Whether it breaks a rule, whichever; what is in dispute does not count."""
        return bool(self.gold) or self.verdict_only

    def request(self) -> ReviewRequest:
        """Return it as it would be put to the reviewer: without a label.

        Raises:
            InputError: the customer's message is longer than a request may hold.
        """
        try:
            return ReviewRequest(
                draft=self.draft,
                customer=self.customer,
                history=self.history,
                channel=self.channel,
                stage=self.stage,
                identity_verified=self.identity_verified,
                facts=self.facts,
            )
        except ValidationError as cause:
            raise InputError("客户消息或上文过长。") from cause


def read_examples(path: Path) -> list[Example]:
    """Return the examples of one JSONL file; ``author`` becomes the file's name where it is empty.

    Rows of ``redteam``, ``stability`` and ``mutation`` become two examples each (``_pair_of``).

    Raises:
        InputError: the file cannot be read, or a line is no example; the message names the line.
    """
    return [example for _, example in numbered_examples(path)]


def numbered_examples(path: Path) -> Iterator[tuple[int, Example]]:
    """Yield line number (from 1) and example; see ``read_examples``."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError(f"读不了数据文件 {path}：{cause}。") from cause
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise InputError(f"{path}:{number} 不是 JSON 对象。")
            rows = _pair_of(row)
            for each in rows:
                yield number, Example.model_validate({**each, "author": each.get("author") or path.stem})
        except ValidationError as cause:
            first = cause.errors(include_url=False, include_input=False)[0]
            place = where_it_is(first["loc"])
            raise InputError(f"{path}:{number} 的 {place} 不可用：{first['msg']}。") from cause
        except (ValueError, KeyError, TypeError) as cause:
            raise InputError(f"{path}:{number} 不是可用的样本：{cause}。") from cause


def _pair_of(row: dict[str, object]) -> list[dict[str, object]]:
    """Return the one or two examples of a row of any of our sets."""
    if "base" in row and "variant" in row:
        base, variant = dict(row["base"]), dict(row["variant"])  # type: ignore[call-overload]
        tags = [row.get("edit", "")]
        return [
            {**base, "kind": "base", "partner": variant["id"], "tags": tags},
            {**variant, "kind": "variant", "partner": base["id"], "tags": tags},
        ]
    if "attack" in row and "clean" in row:
        twin = f"{row['id']}/clean"
        tags = [row["attack"]]
        clean = {
            **row,
            "id": twin,
            "draft": row["clean"],
            "customer": row.get("clean_customer", row["customer"]),
        }
        # Quotes are of the attacked draft; only the rules carry over.
        labels = [{**label, "quote": ""} for label in row["violations"]]  # type: ignore[attr-defined]
        return [
            {**row, "kind": "attack", "partner": twin, "tags": tags},
            {**clean, "kind": "clean", "partner": row["id"], "tags": tags, "violations": labels},
        ]
    if "level" in row and "clean" in row:
        twin = f"{row['id']}/clean"
        label = {name: row[name] for name in ("rule", "quote", "reason")}
        tags = [row["rule"], row["level"]]
        return [
            {
                **row,
                "kind": "mutated",
                "partner": twin,
                "tags": tags,
                "violations": [label],
            },
            {
                **row,
                "id": twin,
                "draft": row["clean"],
                "kind": "clean",
                "partner": row["id"],
                "tags": tags,
                "verdict": "pass",
                "violations": [],
            },
        ]
    if "pulls" in row:
        return [{**row, "tags": row["pulls"]}]
    return [row]


def hash_of(examples: Sequence[Example]) -> str:
    """Return the content hash of labelled examples, labels included."""
    return content_hash(*(example.model_dump_json().encode() for example in examples))


if __name__ == "__main__":
    json.dump(Example.model_json_schema(), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
