"""One name for everything on disk and in the settings that decides what a review says.

Two processes with the same fingerprint give the same review of the same request. It is read from files
in milliseconds, without a model.
"""

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

from reviewer.folders import classifier_folder, corpus_folder, retriever_folder, rewriter_adapter_folder
from reviewer.resources import content_hash, resource_dir, tree_hash
from reviewer.settings import Settings

# Settings that decide nothing, or that come with the request, or are folders whose content counts; a new
# one counts until it is named here.
_IDLE = frozenset(
    {
        "home",
        "corpus",
        "manuals",
        "threads",
        "deadline_ms",
        "fail_on",
        "rewrite",
        "channel",
        "stage",
        "service",
        "service_key",
    }
)
_OF_THE_SERVER = "serve_"


def fingerprint(settings: Settings) -> str:
    """Return it: program, settings, manual, prompts, and the files of the weights by size and time.

    Raises:
        CorpusError: the manual or the prompts cannot be read.
    """
    deciding = {
        name for name in Settings.model_fields if name not in _IDLE and not name.startswith(_OF_THE_SERVER)
    }
    chosen = settings.model_dump(mode="json", include=deciding)
    weights = [Path(settings.model), Path(settings.adapter)]
    for find in (classifier_folder, retriever_folder, rewriter_adapter_folder):
        folder = find(settings)
        weights += sorted(folder.iterdir()) if folder and folder.is_dir() else []
    parts = (
        version("reviewer"),
        _program_hash(),
        json.dumps(chosen, sort_keys=True),
        tree_hash(corpus_folder(settings)),
        tree_hash(resource_dir("prompts")),
        *map(_state, weights),
    )
    return content_hash(*(part.encode() for part in parts))


@cache
def _program_hash() -> str:
    """Return the content hash of the program, read once: what runs is what was there at the start."""
    folder = Path(__file__).parent
    sources = sorted(path.relative_to(folder) for path in folder.rglob("*.py"))
    return content_hash(
        *(part for name in sources for part in (str(name).encode(), (folder / name).read_bytes()))
    )


def _state(path: Path) -> str:
    """Return what changes when the file ``path`` is written again; empty when it is no file."""
    if not path.is_file():
        return ""
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
