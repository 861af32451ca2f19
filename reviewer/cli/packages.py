"""Commands that need more than ``reviewer check`` does say so in one line."""

import importlib.util
from collections.abc import Mapping

from reviewer.errors import ReviewerError


def require_packages(packages: Mapping[str, str], *, work: str, remedy: str) -> None:
    """End before any work when a package is not installed.

    Args:
        packages: Module to import, and the package that brings it.
        work: What they are for, in Chinese.
        remedy: What to do, in Chinese.

    Raises:
        ReviewerError: naming every package that is missing.
    """
    missing = [package for module, package in packages.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ReviewerError(f"缺少{work}用的包 {'、'.join(missing)}；{remedy}。")
