"""What two processes have to share to give the same review."""

import os
import shutil
from pathlib import Path

import pytest

from reviewer.fingerprint import fingerprint
from reviewer.resources import resource_dir
from reviewer.settings import Settings

PLAIN = Settings()


def test_settings_that_decide_nothing_do_not_count(tmp_path: Path) -> None:
    same = Settings(threads=1, home=tmp_path, fail_on="red", deadline_ms=5, channel="phone", service="off")
    assert fingerprint(same) == fingerprint(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        Settings(model="other"),
        Settings(adapter="none"),
        Settings(classifier="none"),
        Settings(encoder="other"),
        Settings(rewriter="wordings"),
        Settings(max_rewrite_tokens=20),
        Settings(context_tokens=4096),
        Settings(public_numbers=("400-1",)),
    ],
)
def test_settings_that_decide_count(other: Settings) -> None:
    assert fingerprint(other) != fingerprint(PLAIN)


def test_files_that_are_edited_change_it(tmp_path: Path) -> None:
    corpus, weights = tmp_path / "corpus", tmp_path / "classifier"
    shutil.copytree(resource_dir("corpus"), corpus)
    weights.mkdir()
    card, model = weights / "card.json", tmp_path / "model.gguf"
    seen = set()

    def note() -> None:
        seen.add(fingerprint(Settings(corpus=corpus, classifier=str(weights), model=str(model))))

    note()
    for path in (corpus / "wordings.yaml", next(corpus.glob("manual/*.md")), card, model):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
        note()
    os.utime(card, ns=(1, 1))
    note()
    assert len(seen) == 6
