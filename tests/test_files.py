"""Nobody ever sees half a file."""

import errno
from pathlib import Path

import pytest

from reviewer.errors import StorageError
from reviewer.files import atomic_path, ensure_dir, storage_error


def test_the_target_appears_whole_with_the_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert not target.exists()
    plain = tmp_path / "plain.txt"
    plain.touch()
    assert target.read_text(encoding="utf-8") == "new"
    assert target.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_leaves_the_target_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old", encoding="utf-8")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(error):
        write_half()
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="磁盘已满"), atomic_path(tmp_path / "f"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="无法读写"):
        ensure_dir(tmp_path / "file" / "deeper")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_missing_permission_names_the_remedy(code: int) -> None:
    assert "REVIEWER_HOME" in str(storage_error(Path("x"), OSError(code, "")))
