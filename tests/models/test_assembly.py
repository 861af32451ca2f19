"""Assembling a model: whole or not at all, quick the second time, safe in company."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reviewer.errors import ModelCorruptError, ModelMissingError, StorageError
from reviewer.models import assembly
from reviewer.models.assembly import ensure_model, is_assembled, model_path, remove_stale, verify_model
from tests.models.fakes import PARTS, install_tiny, part_file, tiny_entry

ENTRY = tiny_entry()
CONTENT = b"".join(PARTS)


@pytest.fixture
def assembled(site: Path, home: Path) -> Path:
    install_tiny(site)
    return ensure_model(ENTRY, home)


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def failing(code: int) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_model_is_the_parts_in_order(assembled: Path, home: Path) -> None:
    assert assembled == home / "models" / f"tiny-{ENTRY.sha256[:12]}" / "tiny.gguf"
    assert assembled.read_bytes() == CONTENT
    assert json.loads((assembled.parent / "meta.json").read_text())["sha256"] == ENTRY.sha256
    assert files_below(home) == ["meta.json", "tiny.gguf"]


def test_second_call_neither_reads_nor_needs_the_packages(
    assembled: Path, site: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(site)
    monkeypatch.setattr(assembly, "file_sha256", lambda *_, **__: pytest.fail("hashed again"))
    assert ensure_model(ENTRY, home) == assembled


def test_progress_counts_bytes(site: Path, home: Path) -> None:
    install_tiny(site)
    seen: list[tuple[int, int]] = []
    ensure_model(ENTRY, home, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (ENTRY.size, ENTRY.size)


def test_touched_file_is_hashed_again_and_kept(assembled: Path, site: Path, home: Path) -> None:
    shutil.rmtree(site)
    os.utime(assembled, (1, 1))
    assert not is_assembled(ENTRY, home)
    assert ensure_model(ENTRY, home) == assembled
    assert is_assembled(ENTRY, home)


def test_lost_record_is_made_again(assembled: Path, site: Path, home: Path) -> None:
    shutil.rmtree(site)
    (assembled.parent / "meta.json").write_text("[1")
    assert ensure_model(ENTRY, home) == assembled
    assert is_assembled(ENTRY, home)


@pytest.mark.parametrize("damage", [b"x" * len(CONTENT), CONTENT[:-1], b""], ids=["changed", "cut", "empty"])
def test_damaged_file_is_replaced(assembled: Path, home: Path, damage: bytes) -> None:
    assembled.write_bytes(damage)
    assert ensure_model(ENTRY, home).read_bytes() == CONTENT


def test_read_only_cache_with_a_good_file_works(
    assembled: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (assembled.parent / "meta.json").unlink()
    monkeypatch.setattr(tempfile, "mkstemp", failing(errno.EROFS))
    assert ensure_model(ENTRY, home) == assembled


def test_missing_package_leaves_nothing(site: Path, home: Path) -> None:
    install_tiny(site)
    shutil.rmtree(site / "tiny_part3-1.0.dist-info")
    with pytest.raises(ModelMissingError, match="tiny-part3"):
        ensure_model(ENTRY, home)
    assert files_below(home) == []


def test_wrong_hash_leaves_nothing(site: Path, home: Path) -> None:
    install_tiny(site)
    (site / part_file(1)).write_bytes(PARTS[0][::-1])
    with pytest.raises(ModelCorruptError, match="tiny-part1"):
        ensure_model(ENTRY, home)
    assert files_below(home) == []


def test_wrong_hash_keeps_a_damaged_file_out_of_use(assembled: Path, site: Path, home: Path) -> None:
    assembled.write_bytes(b"bad")
    (site / part_file(1)).write_bytes(PARTS[0][::-1])
    with pytest.raises(ModelCorruptError):
        ensure_model(ENTRY, home)
    assert not is_assembled(ENTRY, home)


def test_ctrl_c_leaves_nothing(site: Path, home: Path) -> None:
    install_tiny(site)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_model(ENTRY, home, progress=interrupt)
    assert files_below(home) == []


def test_too_little_space_is_told_before_writing(
    site: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    install_tiny(site)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=ENTRY.size - 1))
    with pytest.raises(StorageError, match=r"磁盘空间不足：.* 需要 1 MB，只剩 0 MB；请清理空间"):
        ensure_model(ENTRY, home)
    assert files_below(home) == []


@pytest.mark.parametrize(
    ("target", "name", "code", "message"),
    [
        (os, "fsync", errno.ENOSPC, "磁盘已满"),
        (tempfile, "mkstemp", errno.EROFS, "没有权限写入"),
        (Path, "mkdir", errno.EACCES, "没有权限写入"),
        (Path, "replace", errno.EIO, "无法读写"),
        (shutil, "disk_usage", errno.EIO, "无法读写"),
    ],
    ids=["disk full", "read-only disk", "no permission", "broken disk", "unknown disk"],
)
def test_storage_faults_leave_nothing(
    site: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: object,
    name: str,
    code: int,
    message: str,
) -> None:
    install_tiny(site)
    monkeypatch.setattr(target, name, failing(code))
    with pytest.raises(StorageError, match=message) as caught:
        ensure_model(ENTRY, home)
    assert "\n" not in str(caught.value)
    assert files_below(home) == []


def test_two_processes_at_once_both_end_well(site: Path, home: Path) -> None:
    """Each waits in the middle until both are writing, so that they do overlap."""
    install_tiny(site)
    script = f"""
import sys, time
from pathlib import Path
sys.path[:0] = {[str(site), str(Path(__file__).parents[2])]!r}
from reviewer.models.assembly import ensure_model
from tests.models.fakes import tiny_entry
home = Path({str(home)!r})
def meet(done, total):
    for _ in range(1000):
        if len(list(home.rglob("*.part"))) == 2 or list(home.rglob("tiny.gguf")):
            return
        time.sleep(0.01)
    sys.exit("never met")
print(ensure_model(tiny_entry(), home, progress=meet))
"""
    command = [sys.executable, "-c", script]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outcomes = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], outcomes
    assert model_path(ENTRY, home).read_bytes() == CONTENT
    assert files_below(home) == ["meta.json", "tiny.gguf"]
    shutil.rmtree(site)
    assert ensure_model(ENTRY, home) == model_path(ENTRY, home)


def test_leftovers_of_killed_processes_are_removed(home: Path) -> None:
    home.mkdir()
    old = time.time() - 2 * 3600
    (home / ".tiny.gguf.old.part").write_bytes(b"half")
    (home / ".gguf.old.part").mkdir()
    (home / ".gguf.old.part" / "file").write_bytes(b"half")
    (home / ".tiny.gguf.new.part").write_bytes(b"being written")
    for name in (".tiny.gguf.old.part", ".gguf.old.part"):
        os.utime(home / name, (old, old))
    remove_stale(home)
    assert [path.name for path in home.iterdir()] == [".tiny.gguf.new.part"]


def test_verify_accepts_the_right_file(assembled: Path, home: Path) -> None:
    os.utime(assembled, (1, 1))
    seen: list[int] = []
    assert verify_model(ENTRY, home, progress=lambda done, _: seen.append(done)) == assembled
    assert seen[-1] == ENTRY.size
    assert is_assembled(ENTRY, home)


def test_verify_finds_what_the_quick_look_cannot(assembled: Path, home: Path) -> None:
    stat = assembled.stat()
    assembled.write_bytes(b"x" * len(CONTENT))
    os.utime(assembled, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert is_assembled(ENTRY, home)
    with pytest.raises(ModelCorruptError, match=r"已损坏.*reviewer models fetch tiny"):
        verify_model(ENTRY, home)


def test_verify_of_nothing_says_how_to_get_it(home: Path) -> None:
    with pytest.raises(ModelMissingError, match="reviewer models fetch tiny"):
        verify_model(ENTRY, home)
