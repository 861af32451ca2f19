"""The sidecar of an index: what it was made from, and the hashes of its files."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reviewer.errors import IndexMismatchError, StorageError
from reviewer.index.dense import Kind
from reviewer.index.encoder import Prompts

META_FILE = "meta.json"

Digest = Callable[[Path], str]


class SearchMeta(BaseModel):
    """How a large index is searched; see ``reviewer.index.dense.Choice``."""

    type: Kind
    recall_at_8: Annotated[float, Field(ge=0, le=1)]
    queries: int = Field(ge=0)

    model_config = ConfigDict(frozen=True, extra="forbid")


class IndexMeta(BaseModel):
    """The sidecar. Holds no times, so equal indexes have equal bytes.

    Form 1 is loaded into memory and searched exactly; form 2 is mapped and says how it is searched.
    """

    schema_name: Literal["reviewer.index/1", "reviewer.index/2"] = Field("reviewer.index/1", alias="schema")
    manual: str
    encoder: str
    dimension: int = Field(ge=1)
    prompts: Prompts
    chunker: str
    tokeniser: str
    passages: int = Field(ge=1)
    vectors: int = Field(ge=1)
    search: SearchMeta | None = None
    files: dict[str, str]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _form(self) -> Self:
        if (self.schema_name == "reviewer.index/2") != (self.search is not None):
            raise ValueError("only form 2 says how it is searched")
        return self


def read_meta(target: Path) -> tuple[IndexMeta, bytes]:
    """Return the sidecar of the index in ``target``, and its bytes.

    Raises:
        IndexMismatchError: it is missing, damaged or of another form.
    """
    try:
        content = (target / META_FILE).read_bytes()
        return IndexMeta.model_validate_json(content), content
    except (OSError, ValidationError) as cause:
        raise refusal(target, f"{META_FILE} 损坏或版本不符") from cause


def verify_files(target: Path, meta: IndexMeta, digest: Digest) -> None:
    """Compare every file of the index with the sidecar.

    Raises:
        IndexMismatchError: one is missing, too many, or not as it was written.
    """
    try:
        found = file_hashes(target, digest)
    except (OSError, StorageError) as cause:
        raise refusal(target, "有文件无法读取") from cause
    for name in sorted(meta.files.keys() | found.keys()):
        if name not in found:
            raise refusal(target, f"缺少 {name}")
        if meta.files.get(name) != found[name]:
            raise refusal(target, f"{name} 损坏或被改动过")


def file_hashes(target: Path, digest: Digest) -> dict[str, str]:
    """Return the SHA-256 of every file below ``target`` but the sidecar, by relative path."""
    paths = sorted(path for path in target.rglob("*") if path.is_file() and path != target / META_FILE)
    return {path.relative_to(target).as_posix(): digest(path) for path in paths}


def refusal(target: Path, why: str) -> IndexMismatchError:
    """Return the error of an index that cannot be used."""
    return IndexMismatchError(f"索引不能用：{why}（{target}），请运行 reviewer index build 重建。")
