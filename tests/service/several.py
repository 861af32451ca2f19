"""A second manual beside the shipped one."""

import re
import shutil
from pathlib import Path

from reviewer.resources import resource_dir

DROPPED = "A08"


def shorter_manual(folder: Path) -> Path:
    """Write the shipped manual without the rule ``DROPPED`` to ``folder``, and return that."""
    shutil.copytree(resource_dir("corpus"), folder)
    (folder / "wordings.yaml").unlink()
    for path, opening in (
        (folder / "catalogue.yaml", "  - id: "),
        (folder / "manual" / "norms-and-scoring.md", "## "),
    ):
        whole = path.read_text(encoding="utf-8")
        shorter = re.sub(rf"^{opening}{DROPPED}.*?(?=^{opening})", "", whole, flags=re.DOTALL | re.MULTILINE)
        path.write_text(shorter, encoding="utf-8")
    return folder
