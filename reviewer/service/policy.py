"""What a team decides for itself: severities, rules switched off, its numbers and facts, its gate."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import SettingsError
from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import score_of, verdict_of
from reviewer.pipeline import NO_REWRITE
from reviewer.schema import FindingOut, Review, ReviewRequest, RewriteOut
from reviewer.settings import FailOn
from reviewer.types import SEVERITY_ORDER, Finding, Severity

Gate = Literal["block", "advise", "pass", "not_assessed"]

_PUBLIC_NUMBER = "可以对外公布的号码：{}"
_DISABLED_NOTE = "按团队设置停用的规则：{}。"
_REWRITE_NOTE = "改写只违反已停用的规则"


class Policy(BaseModel):
    """The decisions of one team.

    ``gate`` is the severity from which a finding blocks. The score keeps the manual's points:
    ``severity`` decides verdict and gate only. What is ``disabled`` counts nowhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    gate: FailOn = "red"
    severity: dict[str, Severity] = Field(default_factory=dict)
    disabled: tuple[str, ...] = ()
    public_numbers: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    per_minute: int | None = Field(None, ge=0, le=100_000)


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


def load_policies(path: Path | None, catalogue: Catalogue) -> PolicyBook:
    """Read the YAML file ``path``; None gives the default policy for everybody.

    Raises:
        SettingsError: it cannot be read, is malformed, or names a rule that is not in the manual.
    """
    if path is None:
        return PolicyBook()
    try:
        book = PolicyBook.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as cause:
        raise SettingsError(f"读不了策略文件 {path}：{cause.strerror}。") from cause
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        place = getattr(cause, "problem_mark", None)
        line = f" 第 {place.line + 1} 行" if place else ""
        raise SettingsError(f"策略文件 {path}{line} 不是合法的 YAML；请改正后再试。") from cause
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "开头"
        raise SettingsError(f"策略文件 {path} 的 {where} 不可用：{first['msg']}。") from cause
    _refuse_unknown_rules(book, catalogue, path)
    return book


def with_team_facts(request: ReviewRequest, policy: Policy) -> ReviewRequest:
    """Return ``request`` with what the team holds to be true in front of the request's own facts."""
    numbers = [_PUBLIC_NUMBER.format("、".join(policy.public_numbers))] if policy.public_numbers else []
    return request.model_copy(update={"facts": [*numbers, *policy.facts, *request.facts]})


def apply_policy(review: Review, policy: Policy, catalogue: Catalogue) -> Review:
    """Return ``review`` as the team wants it: verdict, score and order follow from what is left."""
    if not policy.severity and not policy.disabled:
        return review
    findings = _regraded(review.findings, policy)
    not_assessed = [
        entry.model_copy(update={"severity": policy.severity.get(entry.rule, entry.severity)})
        for entry in review.not_assessed
        if entry.rule not in policy.disabled
    ]
    found = [
        Finding(
            replace(catalogue.rule(finding.rule.id), severity=finding.rule.severity),
            finding.probability,
            (),
            finding.reason,
            finding.origin,
        )
        for finding in findings
    ]
    open_rules = [replace(catalogue.rule(entry.rule), severity=entry.severity) for entry in not_assessed]
    verdict = verdict_of(found, open_rules)
    notes = [_DISABLED_NOTE.format("、".join(policy.disabled))] if policy.disabled else []
    changed = {
        "verdict": verdict,
        "score": None if verdict == "not_assessed" else score_of(found, base=catalogue.base_score),
        "findings": findings,
        "rewrite": _rewrite(review.rewrite, policy) if findings else NO_REWRITE,
        "assessed": [rule for rule in review.assessed if rule not in policy.disabled],
        "not_assessed": not_assessed,
        "notes": [*review.notes, *notes],
    }
    return Review.model_validate({**dict(review), **changed})


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


def _regraded(findings: Iterable[FindingOut], policy: Policy) -> list[FindingOut]:
    """Return the findings that count, with the team's severities, gravest first."""
    kept = [
        finding.model_copy(
            update={
                "rule": finding.rule.model_copy(
                    update={"severity": policy.severity.get(finding.rule.id, finding.rule.severity)}
                )
            }
        )
        for finding in findings
        if finding.rule.id not in policy.disabled
    ]
    return sorted(kept, key=lambda finding: SEVERITY_ORDER[finding.rule.severity])


def _rewrite(rewrite: RewriteOut, policy: Policy) -> RewriteOut:
    findings = _regraded(rewrite.findings, policy)
    settled = rewrite.findings and not (findings or rewrite.changed_facts or rewrite.note)
    return rewrite.model_copy(
        update={"findings": findings, "note": _REWRITE_NOTE if settled else rewrite.note}
    )


def _refuse_unknown_rules(book: PolicyBook, catalogue: Catalogue, path: Path) -> None:
    known = {rule.id for rule in catalogue.rules}
    named: Mapping[str, Policy] = {"default": book.default, **{f"keys.{k}": p for k, p in book.keys.items()}}
    for where, policy in named.items():
        for rule in (*policy.severity, *policy.disabled):
            if rule not in known:
                raise SettingsError(f"策略文件 {path} 的 {where} 提到手册里没有的规则 {rule}；请核对编号。")
