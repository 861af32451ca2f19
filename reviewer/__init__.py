"""Offline reviewer of customer-service replies."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reviewer.bootstrap import Reviewer
    from reviewer.schema import Review, ReviewRequest

__all__ = ["Review", "ReviewRequest", "Reviewer"]

_HOME = {"Review": "schema", "ReviewRequest": "schema", "Reviewer": "bootstrap"}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a public name on first use, so that ``import reviewer`` stays light."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"reviewer.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reviewer' has no attribute {name!r}")
