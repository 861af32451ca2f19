"""Text to vectors: sentence-transformers, or character hashing for tests."""

import contextlib
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.resources import content_hash

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Matrix = npt.NDArray[np.float32]

_PROMPT_FILE = "config_sentence_transformers.json"
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the order sentence-transformers looks in
_E5 = re.compile(r"(?<![a-z0-9])e5(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is put before a query and before a passage; a model is only right with its own."""

    query: str = ""
    document: str = ""


class Encoder(Protocol):
    """Turns texts into unit vectors of one space.

    Two encoders with the same ``identity`` give the same vectors up to rounding, whatever library
    computes them; an index is refused to an encoder of another identity. A vector depends on its text
    alone, to the last bit, not on the texts beside it: an index can be built in steps.
    """

    @property
    def identity(self) -> str:
        """Content hash of the model and its prompts; fit for a file name."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def prompts(self) -> Prompts:
        """What the encoder puts before a text."""

    def encode_query(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""


class SentenceTransformerEncoder:
    """A sentence-transformers model from a local folder or the local hub cache, on the CPU.

    Construction imports torch and takes seconds; nothing is ever downloaded.
    """

    def __init__(self, model: str | Path, *, prompts: Prompts | None = None, identity: str = "") -> None:
        """Load the model.

        Args:
            model: a folder, or the name of a model that is already in the local hub cache.
            prompts: None reads them from the model, see :func:`read_prompts`.
            identity: the content hash, where the caller has already verified the model; otherwise
                every file is hashed, see :func:`model_identity`.

        Raises:
            ModelMissingError: there is no such model on this machine.
            ModelCorruptError: it cannot be loaded.
        """
        folder = locate_model(model)
        self._prompts = read_prompts(folder, name=str(model)) if prompts is None else prompts
        self._identity = identity or model_identity(folder, self._prompts)
        self._model = _load(folder)
        self._dimension = int(self.encode_query(["维度"]).shape[1])

    @property
    def identity(self) -> str:
        """Content hash of the model and its prompts."""
        return self._identity

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    @property
    def prompts(self) -> Prompts:
        """What is put before a text."""
        return self._prompts

    def encode_query(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        return self._encode(texts, self._prompts.query)

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        return self._encode(texts, self._prompts.document)

    def _encode(self, texts: Sequence[str], prompt: str) -> Matrix:
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        # In a batch, the padding and the shape of the batch change the last bits of a vector.
        with _one_thread():
            vectors = self._model.encode(
                list(texts),
                prompt=prompt,
                batch_size=1,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)


def _load(folder: Path) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    try:
        with _no_progress_bars():
            model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        # Half-precision checkpoints keep their type and run about a hundred times slower on a CPU.
        return model.float()
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError) as cause:
        raise ModelCorruptError(
            f"嵌入模型 {folder} 无法加载：不是完整的 sentence-transformers 目录；请重新获取或换一个路径。"
        ) from cause


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: for single texts, threads cost more than they bring."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


@contextlib.contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing on the terminal while it loads weights."""
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


class HashingEncoder:
    """Test double: hashed character pairs, no model, the same vectors on every machine.

    Texts that share characters are near each other; nothing else is promised.
    """

    def __init__(self, dimension: int = 256) -> None:
        self._dimension = dimension

    @property
    def identity(self) -> str:
        """Names the algorithm and the dimension."""
        return f"hashing-{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    @property
    def prompts(self) -> Prompts:
        """None."""
        return Prompts()

    def encode_query(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        return self.encode_document(texts)

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            padded = f"^{text.lower()}$"  # so that even an empty text has a pair
            for at in range(len(padded) - 1):
                vectors[row, zlib.crc32(padded[at : at + 2].encode()) % self._dimension] += 1
        norms: Matrix = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / norms


def locate_model(model: str | Path) -> Path:
    """Return the folder of ``model``: itself, or its snapshot in the local hub cache.

    Raises:
        ModelMissingError: it is neither a folder nor cached.
    """
    folder = Path(model)
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(model), local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError) as cause:
        raise ModelMissingError(
            f"找不到嵌入模型 {model}：既不是目录，本机缓存里也没有；请改正设置里的路径，或先下载到本机。"
        ) from cause


def read_prompts(folder: Path, *, name: str = "") -> Prompts:
    """Return the prompts that the model's own configuration declares, without loading the model.

    A model without any whose name says e5 gets ``query: `` and ``passage: ``; others get none.

    Raises:
        ModelCorruptError: the configuration is not what it should be.

    Source: model card of intfloat/multilingual-e5-small.
    """
    path = folder / _PROMPT_FILE
    declared: dict[str, str] = {}
    try:
        if path.exists():
            loaded = json.loads(path.read_text(encoding="utf-8")).get("prompts") or {}
            declared = {key: text for key, text in loaded.items() if isinstance(text, str) and text}
    except (OSError, ValueError, AttributeError) as cause:
        raise ModelCorruptError(f"嵌入模型的 {path} 无法读取，请重新获取该模型。") from cause
    if not declared and _E5.search((name or folder.name).lower()):
        return Prompts(query="query: ", document="passage: ")
    document = next((declared[key] for key in _DOCUMENT_PROMPTS if key in declared), "")
    return Prompts(query=declared.get("query", ""), document=document)


def model_identity(folder: Path, prompts: Prompts) -> str:
    """Return a content hash of every file of the model and of its prompts.

    About 1 s for 500 MB. Hidden files and Markdown do not count.

    Raises:
        ModelCorruptError: a file cannot be read.
    """
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
    names = sorted((path.relative_to(folder).as_posix(), path) for path in paths)
    parts = [json.dumps(asdict(prompts), sort_keys=True).encode()]
    try:
        for name, path in names:
            if any(step.startswith(".") for step in name.split("/")):
                continue
            with path.open("rb") as file:
                parts += [name.encode(), hashlib.file_digest(file, "sha256").digest()]
    except OSError as cause:
        raise ModelCorruptError(f"嵌入模型的文件 {path} 无法读取，请重新获取该模型。") from cause
    return content_hash(*parts)
