"""What a team decides for itself: severities, rules switched off, its numbers and facts, its gate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import SettingsError
from reviewer.malformed import what_is_wrong, where_it_is
from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import Adjustments
from reviewer.schema import Review, ReviewRequest
from reviewer.settings import FailOn
from reviewer.types import SEVERITY_ORDER, Severity

Gate = Literal["block", "advise", "pass", "not_assessed"]

_PUBLIC_NUMBER = "可以对外公布的号码：{}"
_DISABLED_NOTE = "按团队设置停用的规则：{}。"


class Policy(BaseModel):
    """The decisions of one team.

    ``manual`` is the one of requests that name none, empty for the service's own. ``gate`` is the
    severity from which a finding blocks. The score keeps the manual's points:
    ``severity`` decides verdict and gate only. What is ``disabled`` counts nowhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    manual: str = ""
    gate: FailOn = "red"
    severity: dict[str, Severity] = Field(default_factory=dict)
    disabled: tuple[str, ...] = ()
    public_numbers: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    per_minute: int | None = Field(None, ge=0, le=100_000)

    def within(self, catalogue: Catalogue) -> "Policy":
        """Return what of the policy concerns ``catalogue``: nothing of the rules of another manual."""
        known = {rule.id for rule in catalogue.rules}
        severity = {rule: value for rule, value in self.severity.items() if rule in known}
        disabled = tuple(rule for rule in self.disabled if rule in known)
        return self.model_copy(update={"severity": severity, "disabled": disabled})


class PolicyBook(BaseModel):
    """The policy of every key; what a key leaves open is as in ``default``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    default: Policy = Field(default_factory=Policy)
    keys: dict[str, Policy] = Field(default_factory=dict)

    def of(self, name: str) -> Policy:
        """Return the policy of the key ``name``."""
        own = self.keys.get(name)
        if own is None:
            return self.default
        return self.default.model_copy(update={field: getattr(own, field) for field in own.model_fields_set})


def load_policies(path: Path | None, manuals: Mapping[str, Catalogue]) -> PolicyBook:
    """Read the YAML file ``path``; None gives the default policy for everybody.

    Args:
        path: The file.
        manuals: The service's manuals by name.

    Raises:
        SettingsError: it cannot be read, is malformed, or names a manual, or a rule, that there is not.
    """
    if path is None:
        return PolicyBook()
    try:
        book = PolicyBook.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as cause:
        raise SettingsError(f"读不了策略文件 {path}：{cause.strerror}。") from cause
    except ValidationError as cause:  # a ValueError too, so it comes first
        first = cause.errors(include_url=False, include_input=False)[0]
        where = where_it_is(first["loc"]) or "开头"
        raise SettingsError(f"策略文件 {path} 的 {where} 不可用：{what_is_wrong(first)}。") from cause
    except (yaml.YAMLError, ValueError) as cause:
        # A ValueError: no UTF-8, or a date that is not in the calendar.
        place = getattr(cause, "problem_mark", None)
        line = f" 第 {place.line + 1} 行" if place else ""
        raise SettingsError(
            f"策略文件 {path}{line} 不是合法的 YAML；请改正后再试，日期和号码请加引号。"
        ) from cause
    _refuse_unknown_names(book, manuals, path)
    return book


def with_team_facts(request: ReviewRequest, policy: Policy) -> ReviewRequest:
    """Return ``request`` with what the team holds to be true in front of the request's own facts."""
    numbers = [_PUBLIC_NUMBER.format("、".join(policy.public_numbers))] if policy.public_numbers else []
    return request.model_copy(update={"facts": [*numbers, *policy.facts, *request.facts]})


def adjustments_of(policy: Policy) -> Adjustments:
    """Return what the reviewer has to know of ``policy`` before one rule yields to another."""
    return Adjustments(policy.severity, frozenset(policy.disabled))


def with_policy_note(review: Review, policy: Policy) -> Review:
    """Return ``review`` with a note of the rules that the team has switched off."""
    if not policy.disabled:
        return review
    note = _DISABLED_NOTE.format("、".join(policy.disabled))
    return review.model_copy(update={"notes": [*review.notes, note]})


def gate_of(review: Review, policy: Policy) -> Gate:
    """Return what the chat tool is to do with the draft; what was not assessed never passes.

    An open rule that could still block outweighs advice.
    """
    if any(_blocks(finding.rule.severity, policy) for finding in review.findings):
        return "block"
    if any(entry.severity != "minor" or _blocks(entry.severity, policy) for entry in review.not_assessed):
        return "not_assessed"
    if review.findings:
        return "advise"
    return "pass" if review.complete else "not_assessed"


def _blocks(severity: Severity, policy: Policy) -> bool:
    return policy.gate != "never" and SEVERITY_ORDER[severity] <= SEVERITY_ORDER[policy.gate]


def _refuse_unknown_names(book: PolicyBook, manuals: Mapping[str, Catalogue], path: Path) -> None:
    known = {rule.id for catalogue in manuals.values() for rule in catalogue.rules}
    named: Mapping[str, Policy] = {"default": book.default, **{f"keys.{k}": p for k, p in book.keys.items()}}
    for where, policy in named.items():
        if policy.manual and policy.manual not in manuals:
            names = "、".join(manuals)
            raise SettingsError(
                f"策略文件 {path} 的 {where} 提到没有的手册“{policy.manual}”；可用的有：{names}。"
            )
        for rule in (*policy.severity, *policy.disabled):
            if rule not in known:
                raise SettingsError(f"策略文件 {path} 的 {where} 提到手册里没有的规则 {rule}；请核对编号。")
