"""What ``reviewer models`` does: list, fetch and verify the models of the registry."""

from dataclasses import dataclass
from pathlib import Path

from reviewer.models.assembly import ensure_model, is_assembled, model_path, verify_model
from reviewer.models.encoder import Notify, encoder_files, ensure_encoder, is_converted, verify_encoder
from reviewer.models.hashing import Progress
from reviewer.models.packages import installed
from reviewer.models.registry import ModelEntry, ModelKind, load_registry


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One line of ``reviewer models list``.

    ``size`` is the bytes of the assembled file. ``installed``: the packages are there in the right
    versions. ``assembled``: the cache holds the model. ``verified``: and it is unchanged since its
    hash was found right.
    """

    name: str
    kind: ModelKind
    size: int
    licence: str
    installed: bool
    assembled: bool
    verified: bool


def list_models(home: Path) -> tuple[ModelStatus, ...]:
    """Return the state of every model of the registry, in its order. Reads no model file.

    Raises:
        ModelCorruptError: the registry cannot be read.
    """
    return tuple(_status(entry, home) for entry in load_registry())


def fetch_model(
    entry: ModelEntry, home: Path, *, progress: Progress | None = None, notify: Notify | None = None
) -> Path:
    """Make ``entry`` ready for use and return its file, or the folder of an encoder.

    Args:
        entry: the model.
        home: the cache folder.
        progress: called with bytes done and bytes in all while a file is assembled.
        notify: called with one Chinese line at each step of a conversion.

    Raises:
        ModelMissingError: a package is missing or has another version.
        ModelCorruptError: a package is damaged, or the hash is not the registry's.
        StorageError: the folder is not writable or the disk is full.
    """
    if entry.kind == "gguf":
        return ensure_model(entry, home, progress=progress)
    return ensure_encoder(entry, home, notify=notify).sentence_transformers


def check_model(entry: ModelEntry, home: Path, *, progress: Progress | None = None) -> Path:
    """Hash everything the cache holds of ``entry`` and return its file, or the folder of an encoder.

    Raises:
        ModelMissingError: it is not in the cache.
        ModelCorruptError: a hash is wrong.
        StorageError: a file cannot be read.
    """
    if entry.kind == "gguf":
        return verify_model(entry, home, progress=progress)
    return verify_encoder(entry, home).sentence_transformers


def _status(entry: ModelEntry, home: Path) -> ModelStatus:
    if entry.kind == "gguf":
        assembled, verified = model_path(entry, home).is_file(), is_assembled(entry, home)
    else:
        files = encoder_files(entry, home)
        assembled = files.gguf.is_file() and files.sentence_transformers.is_dir()
        verified = is_converted(entry, home)
    return ModelStatus(
        name=entry.name,
        kind=entry.kind,
        size=entry.size,
        licence=entry.licence,
        installed=installed(entry),
        assembled=assembled,
        verified=verified,
    )
