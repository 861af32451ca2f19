"""The models that are known by name: where their bytes come from and what they must hash to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import ModelCorruptError, ModelMissingError

ModelKind = Literal["gguf", "encoder"]

_REGISTRY = Path(__file__).with_name("registry.yaml")


@dataclass(frozen=True, slots=True)
class Part:
    """One installed package and the file in it that holds a piece of a model."""

    package: str
    version: str
    file: str


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the registry.

    The files of ``parts``, concatenated in order, are ``size`` bytes with the hash ``sha256``.
    ``extra`` is the optional dependency of reviewer that installs the packages; empty when they come
    with it.
    """

    name: str
    kind: ModelKind
    file: str
    size: int
    sha256: str
    licence: str
    origin: str
    notes: str
    extra: str
    parts: tuple[Part, ...]

    def folder(self, home: Path) -> Path:
        """Return the folder below ``home`` that holds this model, named by content."""
        return home / "models" / f"{self.name}-{self.sha256[:12]}"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Packages(_Record):
    name: str
    version: str
    file: str
    count: Annotated[int, Field(ge=1)]

    def parts(self) -> tuple[Part, ...]:
        return tuple(
            Part(package=self.name.format(n=n), version=self.version, file=self.file.format(n=n))
            for n in range(1, self.count + 1)
        )


class _Model(_Record):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    kind: ModelKind
    file: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    size: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    licence: str
    origin: str
    notes: str
    extra: str
    packages: _Packages

    def entry(self) -> ModelEntry:
        fields = self.model_dump(exclude={"packages"})
        return ModelEntry(**fields, parts=self.packages.parts())


class _Registry(_Record):
    models: list[_Model]


def load_registry(path: Path = _REGISTRY) -> tuple[ModelEntry, ...]:
    """Read the registry, in file order.

    Raises:
        ModelCorruptError: the registry file is unreadable or breaks its schema.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        registry = _Registry.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as cause:
        raise ModelCorruptError(f"模型清单 {path.name} 无法读取；请重新安装 reviewer。") from cause
    return tuple(model.entry() for model in registry.models)


def find_entry(name: str, registry: tuple[ModelEntry, ...]) -> ModelEntry:
    """Return the entry called ``name``.

    Raises:
        ModelMissingError: there is none; the message lists those there are.
    """
    for entry in registry:
        if entry.name == name:
            return entry
    known = "、".join(entry.name for entry in registry)
    raise ModelMissingError(f"没有名为 {name} 的模型；可用：{known}。")
