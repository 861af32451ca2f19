"""Every error this package raises on purpose.

ReviewerError
├── InputError            the request cannot be reviewed as given
│   └── RowError              a row of a file cannot be used
├── SettingsError         a setting is unknown or has an unusable value
├── CorpusError           catalogue, manual or prompts contradict themselves
├── DocumentError         a document cannot be turned into rules
├── StorageError          cache folder read-only, disk full
├── ModelError
│   ├── ModelMissingError     package or file of a model is not there
│   └── ModelCorruptError     size or SHA-256 differ from the registry
├── ManualIndexError
│   ├── IndexMissingError     nothing built yet
│   └── IndexMismatchError    built from another manual, model or chunker, or damaged
└── EngineError
    ├── EngineClosedError     used after close, or interrupted
    └── TextTooLongError      does not fit the model's context

A message is one line in Chinese: what is wrong, where, what to do.
Only ``cli`` (and later the service) turns an error into text and an exit code.
"""

from pathlib import Path
from typing import ClassVar


class ReviewerError(Exception):
    """Base class: a fault that the user can understand and act on."""

    code: ClassVar[str] = "reviewer"
    exit_code: ClassVar[int] = 2
    http_status: ClassVar[int] = 500


class InputError(ReviewerError):
    """The request cannot be reviewed as given."""

    code = "input"
    http_status = 422


class RowError(InputError):
    """A row of a file cannot be used; ``line`` is where it begins, from 1."""

    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(f"{path}:{line} {what}")
        self.line = line


class SettingsError(ReviewerError):
    """A setting is unknown or has an unusable value."""

    code = "settings"


class CorpusError(ReviewerError):
    """Catalogue, manual or prompts are missing or contradict themselves."""

    code = "corpus"


class DocumentError(ReviewerError):
    """A document cannot be read, is too large, or is not what its name says."""

    code = "document"
    http_status = 422


class StorageError(ReviewerError):
    """A file of the cache cannot be written or read: read-only folder, full disk."""

    code = "storage"


class ModelError(ReviewerError):
    """A model cannot be used."""

    code = "model"
    http_status = 503


class ModelMissingError(ModelError):
    """A package or file that holds a model is not installed."""

    code = "model-missing"


class ModelCorruptError(ModelError):
    """A model's size or SHA-256 differs from the registry."""

    code = "model-corrupt"


class ManualIndexError(ReviewerError):
    """The index cannot be used."""

    code = "index"
    http_status = 503


class IndexMissingError(ManualIndexError):
    """No index has been built yet."""

    code = "index-missing"


class IndexMismatchError(ManualIndexError):
    """The index was built from another manual, model or chunker, or is damaged."""

    code = "index-mismatch"


class EngineError(ReviewerError):
    """The language model engine failed."""

    code = "engine"
    exit_code = 3
    http_status = 503


class EngineClosedError(EngineError):
    """The engine was used after close, or its work was interrupted."""

    code = "engine-closed"


class TextTooLongError(EngineError):
    """The text does not fit the model's context, and will not the next time."""

    code = "text-too-long"
    http_status = 422
