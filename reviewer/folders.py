"""Which folders the settings mean."""

from pathlib import Path

from reviewer.resources import resource_dir
from reviewer.settings import Settings

# The name of the manual that is in force, where there are several.
OWN_MANUAL = ""


def classifier_folder(settings: Settings) -> Path | None:
    """Return the folder of the classifier of the settings: ``auto`` is the one in the package."""
    return _trained(settings.classifier, "classifier")


def retriever_folder(settings: Settings) -> Path | None:
    """Return the folder of the retriever of the settings: ``auto`` is the one in the package, if any."""
    return _trained(settings.retriever, "retriever")


def rewriter_adapter_folder(settings: Settings) -> Path | None:
    """Return the folder of the rewriting adapter of the settings: ``auto`` is the one in the package."""
    return _trained(settings.rewriter_adapter, "rewriter")


def corpus_folder(settings: Settings) -> Path:
    """Return the folder of the manual that is in force."""
    return settings.corpus or resource_dir("corpus")


def _trained(value: str, name: str) -> Path | None:
    if value == "none":
        return None
    if value == "auto":
        shipped = Path(__file__).parent / "adapters" / name
        return shipped if shipped.is_dir() else None
    return Path(value)
