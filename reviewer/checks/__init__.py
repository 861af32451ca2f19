"""Deterministic checks: what can be known without a model, each tied to a rule and to a span."""

from reviewer.checks.registry import CHECKS, Check, run_checks
from reviewer.checks.subject import CheckSettings

__all__ = ["CHECKS", "Check", "CheckSettings", "run_checks"]
