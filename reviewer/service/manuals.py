"""The manuals of the service: its own, and those of the settings by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import CorpusError, InputError
from reviewer.fingerprint import fingerprint
from reviewer.folders import OWN_MANUAL, corpus_folder
from reviewer.formats.escaping import one_line
from reviewer.manual.catalogue import Catalogue
from reviewer.settings import UNNAMED_MANUAL, Settings
from reviewer.wiring import ManualContent, read_manual


@dataclass(frozen=True, slots=True)
class Manual:
    """One manual: ``key`` is its name in the reviewer, ``names`` are those of requests, at least one."""

    key: str
    names: tuple[str, ...]
    content: ManualContent
    fingerprint: str

    @property
    def name(self) -> str:
        """What the service calls it."""
        return self.names[0]

    @property
    def catalogue(self) -> Catalogue:
        """Its rules."""
        return self.content.catalogue


@dataclass(frozen=True, slots=True)
class Manuals:
    """All manuals by key, the service's own first."""

    by_key: Mapping[str, Manual]

    def __iter__(self) -> Iterator[Manual]:
        return iter(self.by_key.values())

    @property
    def own(self) -> Manual:
        """The manual of requests and keys that name none."""
        return self.by_key[OWN_MANUAL]

    @property
    def by_name(self) -> dict[str, Manual]:
        """The manuals by each of their names."""
        return {name: manual for manual in self for name in manual.names}

    @property
    def contents(self) -> dict[str, ManualContent]:
        """What was read of each, by key."""
        return {manual.key: manual.content for manual in self}

    def named(self, name: str) -> Manual:
        """Return the manual ``name``; the empty name is the service's own.

        Raises:
            InputError: there is none.
        """
        if not name:
            return self.own
        known = self.by_name
        if name not in known:
            raise InputError(f"没有手册“{one_line(name)}”；可用的有：{one_line('、'.join(known))}。")
        return known[name]


def load_manuals(settings: Settings) -> Manuals:
    """Load the manual of ``settings`` and all named ones; a folder of several names is one manual.

    Raises:
        CorpusError: one cannot be loaded, or is just being edited.
    """
    own = corpus_folder(settings)
    folders: dict[Path, list[str]] = {own.resolve(): []}
    for name, folder in settings.manuals.items():
        folders.setdefault(folder.resolve(), []).append(name)
    own_names, *others = folders.values()
    named = {names[0]: tuple(names) for names in others}
    manuals = [
        _load(settings, OWN_MANUAL, tuple(own_names) or (UNNAMED_MANUAL,), own),
        *(_load(settings, key, names, settings.manuals[key]) for key, names in named.items()),
    ]
    return Manuals({manual.key: manual for manual in manuals})


def _load(settings: Settings, key: str, names: tuple[str, ...], folder: Path) -> Manual:
    own = settings.model_copy(update={"corpus": folder})
    try:
        before = fingerprint(own)
        content = read_manual(folder)
        # The fingerprint answers for what was read.
        if fingerprint(own) != before:
            raise CorpusError(f"{folder} 正在被修改；请改完再启动。")
    except CorpusError as cause:
        raise CorpusError(f"手册“{names[0]}”：{cause}") from cause
    return Manual(key, names, content, before)
