import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from reviewer.errors import StorageError
from reviewer.index import vectors
from reviewer.index.encoder import HashingEncoder, Matrix
from reviewer.index.vectors import VectorCache, embed

_TEXTS = [f"第{number}条 退款到账" for number in range(9)]


class CountingEncoder(HashingEncoder):
    """Remembers the texts that it embeds, and is interrupted after so many calls."""

    def __init__(self, dimension: int = 16, *, calls: int = 10**6) -> None:
        super().__init__(dimension)
        self.texts: list[str] = []
        self._calls = calls

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        if not self._calls:
            raise KeyboardInterrupt
        self._calls -= 1
        self.texts += texts
        return super().encode_document(texts)


def cache_file(folder: Path) -> Path:
    return folder / vectors.CACHE_FOLDER / "hashing-16-16.bin"


def expected() -> Matrix:
    return HashingEncoder(16).encode_document(_TEXTS)


def test_the_vectors_are_those_of_the_encoder_in_order(tmp_path: Path) -> None:
    np.testing.assert_array_equal(embed(_TEXTS, CountingEncoder(), tmp_path), expected())


def test_only_new_texts_are_embedded_and_equal_ones_once(tmp_path: Path) -> None:
    embed(_TEXTS[:6], CountingEncoder(), tmp_path)
    encoder = CountingEncoder()
    found = embed([*_TEXTS, _TEXTS[8]], encoder, tmp_path)

    assert encoder.texts == _TEXTS[6:]
    np.testing.assert_array_equal(found, expected()[[*range(9), 8]])


def test_another_encoder_shares_nothing(tmp_path: Path) -> None:
    embed(_TEXTS, CountingEncoder(), tmp_path)
    encoder = CountingEncoder(dimension=8)
    embed(_TEXTS, encoder, tmp_path)

    assert encoder.texts == _TEXTS


def test_an_interrupted_build_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_BATCH", 2)
    with pytest.raises(KeyboardInterrupt):
        embed(_TEXTS, CountingEncoder(calls=3), tmp_path)
    encoder = CountingEncoder()
    seen: list[tuple[int, int]] = []
    found = embed(_TEXTS, encoder, tmp_path, progress=lambda done, total: seen.append((done, total)))

    assert encoder.texts == _TEXTS[6:]
    assert seen == [(6, 9), (8, 9), (9, 9)]
    np.testing.assert_array_equal(found, expected())


_KILLED = """
import sys, time
from pathlib import Path
from reviewer.index import vectors
from tests.index.test_vectors import _TEXTS, CountingEncoder

class Slow(CountingEncoder):
    def encode_document(self, texts):
        if len(self.texts) == 4:
            time.sleep(600)
        return super().encode_document(texts)

vectors._BATCH = 2
vectors.embed(_TEXTS, Slow(), Path(sys.argv[1]))
"""


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path) -> None:
    record = 16 + 4 + 16 * 4
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)], cwd=Path(__file__).parents[2])
    try:
        while not cache_file(tmp_path).exists() or cache_file(tmp_path).stat().st_size < 4 * record:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    encoder = CountingEncoder()

    np.testing.assert_array_equal(embed(_TEXTS, encoder, tmp_path), expected())
    assert encoder.texts == _TEXTS[4:]


@pytest.mark.parametrize("cut", [1, 40, 83])
def test_a_torn_record_is_embedded_again(tmp_path: Path, cut: int) -> None:
    embed(_TEXTS, CountingEncoder(), tmp_path)
    path = cache_file(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    for wanted in (_TEXTS[8:], []):
        encoder = CountingEncoder()
        np.testing.assert_array_equal(embed(_TEXTS, encoder, tmp_path), expected())
        assert encoder.texts == wanted


def test_a_damaged_record_is_embedded_again(tmp_path: Path) -> None:
    embed(_TEXTS, CountingEncoder(), tmp_path)
    path = cache_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.write_bytes(content)
    for wanted in (_TEXTS[:1], []):
        encoder = CountingEncoder()
        np.testing.assert_array_equal(embed(_TEXTS, encoder, tmp_path), expected())
        assert encoder.texts == wanted


def test_the_cache_keeps_the_manual_and_the_newest_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_SPARE", 2)
    embed(_TEXTS[:6], CountingEncoder(), tmp_path)
    embed([_TEXTS[0], *_TEXTS[6:]], CountingEncoder(), tmp_path)
    cache = VectorCache(cache_file(tmp_path), 16, writable=False)

    kept = [text for text in _TEXTS if cache.find(text) is not None]
    assert kept == [_TEXTS[0], *_TEXTS[4:]]


def test_a_second_builder_embeds_for_itself(tmp_path: Path) -> None:
    inner = CountingEncoder()

    class NestedEncoder(CountingEncoder):
        def encode_document(self, texts: Sequence[str]) -> Matrix:
            np.testing.assert_array_equal(embed(_TEXTS, inner, tmp_path), expected())
            return super().encode_document(texts)

    embed(_TEXTS, NestedEncoder(), tmp_path)

    assert inner.texts == _TEXTS
    assert cache_file(tmp_path).stat().st_size == 9 * (16 + 4 + 16 * 4)


def test_a_disk_that_is_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "simulated")

    cache = VectorCache(tmp_path / "x.bin", 16, writable=True)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(StorageError, match="磁盘已满"):
        cache.add(_TEXTS, expected())


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    assert embed([], CountingEncoder(), tmp_path).shape == (0, 16)
