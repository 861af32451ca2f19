import json
import tomllib
from pathlib import Path
from typing import get_args

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import SettingsError
from reviewer.settings import (
    FROM_COMMAND_LINE,
    FROM_DEFAULT,
    LoadedSettings,
    Settings,
    _toml,
    load_settings,
    print_config,
)


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "team" / "desk"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def user_file() -> Path:
    """The settings file in the user's configuration folder, which the tests have moved."""
    folder = Path(platformdirs.user_config_dir("reviewer"))
    folder.mkdir(parents=True)
    return folder / "reviewer.toml"


def load(cwd: Path, **overrides: object) -> LoadedSettings:
    return load_settings(overrides, cwd=cwd)


def write(folder: Path, text: str) -> Path:
    path = folder / "reviewer.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_when_nothing_is_set(cwd: Path) -> None:
    loaded = load(cwd)
    assert loaded.settings == Settings()
    assert loaded.settings.home == Path(platformdirs.user_cache_dir("reviewer"))
    assert loaded.settings.model == "qwen2.5-coder-0.5b"
    assert loaded.settings.fail_on == "minor"
    assert loaded.settings.public_numbers == ()
    assert loaded.origins == dict.fromkeys(Settings.model_fields, FROM_DEFAULT)


def test_each_source_gives_way_to_the_next(
    cwd: Path, user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text("threads = 1", encoding="utf-8")
    assert (load(cwd).settings.threads, load(cwd).origins["threads"]) == (1, str(user_file))

    far = write(cwd.parent, "threads = 2")
    assert (load(cwd).settings.threads, load(cwd).origins["threads"]) == (2, str(far))

    near = write(cwd, "threads = 3")
    assert (load(cwd).settings.threads, load(cwd).origins["threads"]) == (3, str(near))

    monkeypatch.setenv("REVIEWER_THREADS", "4")
    assert (load(cwd).settings.threads, load(cwd).origins["threads"]) == (4, "环境变量 REVIEWER_THREADS")

    loaded = load(cwd, threads=5)
    assert (loaded.settings.threads, loaded.origins["threads"]) == (5, FROM_COMMAND_LINE)


def test_sources_are_merged_by_field(cwd: Path, user_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_file.write_text('channel = "phone"\nstage = "middle"', encoding="utf-8")
    near = write(cwd, 'stage = "closing"\nrewrite = false')
    monkeypatch.setenv("REVIEWER_FAIL_ON", "red")
    loaded = load(cwd, deadline_ms=1500)
    settings, origins = loaded.settings, loaded.origins
    assert (settings.channel, settings.stage, settings.rewrite) == ("phone", "closing", False)
    assert (settings.fail_on, settings.deadline_ms) == ("red", 1500)
    assert (origins["channel"], origins["stage"], origins["rewrite"]) == (
        str(user_file),
        str(near),
        str(near),
    )
    assert origins["model"] == FROM_DEFAULT


def test_only_the_nearest_file_of_the_parents_is_read(cwd: Path) -> None:
    write(cwd.parent, "threads = 2\ncontext_tokens = 2048")
    write(cwd, "threads = 3")
    assert load(cwd).settings.context_tokens == 8192


@pytest.mark.parametrize("text", ['service = "https://a.example"', 'service_key = "k"'])
def test_who_reviews_is_not_for_a_project_to_say(
    cwd: Path, user_file: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    user_file.write_text(text, encoding="utf-8")
    assert load(cwd).settings.service_key.get_secret_value() in ("", "k")
    assert load(user_file.parent).settings == load(cwd).settings
    project = write(cwd.parent, f"threads = 1\n{text}")
    monkeypatch.setenv("REVIEWER_SERVICE", "off")
    with pytest.raises(SettingsError, match="不能由项目目录里的文件决定") as caught:
        load(cwd)
    assert str(caught.value).startswith(f"{project} 第 2 行")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "127.1.2.3", "[::1]:8765"])
def test_plain_http_stays_on_this_machine(cwd: Path, host: str) -> None:
    assert load(cwd, service=f"http://{host}").settings.service == f"http://{host}"
    assert load(cwd, service="https://desk.example:8765/").settings.service == "https://desk.example:8765/"
    for address in ("http://desk.example", f"http://{host}@desk.example", "http://localhost.example"):
        with pytest.raises(SettingsError, match="service 的值"):
            load(cwd, service=address)


def test_the_users_file_is_read_once_from_inside_its_folder(user_file: Path) -> None:
    user_file.write_text("threads = 7", encoding="utf-8")
    assert load(user_file.parent).origins["threads"] == str(user_file)


def test_an_option_that_was_not_given_overrides_nothing(cwd: Path) -> None:
    write(cwd, "deadline_ms = 900")
    assert load(cwd, deadline_ms=None).settings.deadline_ms == 900


def test_none_is_a_value_that_can_be_set(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(cwd, 'deadline_ms = 900\ncorpus = "手册"')
    monkeypatch.setenv("REVIEWER_DEADLINE_MS", "none")
    loaded = load(cwd, corpus=Path("none"))
    assert loaded.settings.deadline_ms is None
    assert loaded.settings.corpus is None
    assert loaded.origins["corpus"] == FROM_COMMAND_LINE


def test_an_empty_variable_counts_as_not_set(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEWER_MODEL", "")
    assert load(cwd).origins["model"] == FROM_DEFAULT


@pytest.mark.parametrize("text", ["400-800-1234,95555", "400-800-1234， 95555", " 400-800-1234 ,,95555,"])
def test_numbers_in_the_environment_are_separated_by_commas(
    cwd: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("REVIEWER_PUBLIC_NUMBERS", text)
    assert load(cwd).settings.public_numbers == ("400-800-1234", "95555")


def test_numbers_in_a_file_are_a_list(cwd: Path) -> None:
    write(cwd, 'public_numbers = ["400-800-1234", "95555"]')
    assert load(cwd).settings.public_numbers == ("400-800-1234", "95555")


def test_paths_of_a_file_start_at_the_file(cwd: Path) -> None:
    write(
        cwd.parent,
        'home = "cache"\ncorpus = "../手册"\nmodel = "big.gguf"\nadapter = "lora.bin"\n'
        'classifier = "mine"\nretriever = "found"\nencoder = "enc"',
    )
    (cwd.parent / "enc").mkdir()
    settings = load(cwd).settings
    assert settings.home == cwd.parent / "cache"
    assert settings.corpus == cwd.parent / ".." / "手册"
    assert settings.model == str(cwd.parent / "big.gguf")
    assert settings.adapter == str(cwd.parent / "lora.bin")
    assert settings.classifier == str(cwd.parent / "mine")
    assert settings.retriever == str(cwd.parent / "found")
    assert settings.encoder == str(cwd.parent / "enc")


def test_paths_of_environment_and_command_line_start_at_the_working_folder(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEWER_HOME", "cache")
    settings = load(cwd, model="./m", corpus=Path("手册"), adapter="~/lora.gguf").settings
    assert (settings.home, settings.model) == (cwd / "cache", str(cwd / "m"))
    assert settings.corpus == cwd / "手册"
    assert settings.adapter == str(Path.home() / "lora.gguf")


def test_names_are_not_taken_for_paths(cwd: Path) -> None:
    (cwd / "multilingual").mkdir()
    settings = load(cwd, model="qwen2.5-coder-1.5b", encoder="someone/e5", adapter="none").settings
    assert (settings.model, settings.encoder, settings.adapter) == (
        "qwen2.5-coder-1.5b",
        "someone/e5",
        "none",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("threads = 1\n\nmodle = 'x'", "{file} 第 3 行：没有设置“modle”；是不是 model？"),
        ("fail-on = 'red'", "{file} 第 1 行：没有设置“fail-on”；是不是 fail_on？"),
        ("threads = 1\n[engine]\nthreads = 2", "{file} 第 2 行：没有设置“engine”；可用：home、model、"),
        ("fail_on = 'blue'", "{file} 第 1 行：fail_on 的值“blue”不可用；可用：red、major、minor、never。"),
        (
            "\nthreads = -1",
            "{file} 第 2 行：threads 的值“-1”不可用；可用：0 到 1024 的整数，0 表示用全部可用的核。",
        ),
        (
            "deadline_ms = 0",
            "{file} 第 1 行：deadline_ms 的值“0”不可用；可用：不小于 1 的整数（毫秒）；none 表示不限时。",
        ),
        ("public_numbers = [95555]", "{file} 第 1 行：public_numbers 的值“[95555]”不可用；"),
        ("home = ''", "{file} 第 1 行：home 的值“”不可用；可用：缓存目录（模型、索引、前缀）。"),
        ("corpus = ''", "{file} 第 1 行：corpus 的值“”不可用；"),
        ('"a\\nb" = 1', "{file}：没有设置“a b”；可用："),
        ("home = 3", "{file} 第 1 行：home 的值“3”不可用；"),
        ("threads = ", "{file}：不是合法的 TOML（"),
    ],
)
def test_a_fault_in_a_file_is_named_in_one_line(cwd: Path, text: str, complaint: str) -> None:
    path = write(cwd, text)
    with pytest.raises(SettingsError) as caught:
        load(cwd)
    message = str(caught.value)
    assert message.startswith(complaint.format(file=path))
    assert "\n" not in message
    assert message.endswith(("。", "？"))


def test_an_unknown_key_is_found_in_a_file_that_is_overridden(cwd: Path, user_file: Path) -> None:
    user_file.write_text("colour = 1", encoding="utf-8")
    write(cwd, "threads = 1")
    with pytest.raises(SettingsError, match="没有设置“colour”"):
        load(cwd)


def test_a_file_that_is_not_utf8_is_named(cwd: Path) -> None:
    (cwd / "reviewer.toml").write_bytes("model = '模型'".encode("gbk"))
    with pytest.raises(SettingsError, match="不是 UTF-8 文本"):
        load(cwd)


def test_a_byte_order_mark_is_accepted(cwd: Path) -> None:
    (cwd / "reviewer.toml").write_bytes(b"\xef\xbb\xbfthreads = 2")
    assert load(cwd).settings.threads == 2


def test_a_file_that_cannot_be_read_is_named(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(cwd, "threads = 2")

    def refuse(*_args: object, **_options: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingsError) as caught:
        load(cwd)
    assert str(caught.value) == f"{path}：读不了这个设置文件（Permission denied）；请检查权限。"


def test_folders_that_may_not_be_looked_into_are_passed_over(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert load(cwd).settings == Settings()


def test_a_bad_value_of_the_environment_names_the_variable(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEWER_THREADS", "many")
    with pytest.raises(
        SettingsError, match=r"^环境变量 REVIEWER_THREADS：threads 的值“many”不可用；可用：0 到 1024"
    ):
        load(cwd)
    assert load(cwd, threads=2).settings.threads == 2


def test_a_bad_value_of_the_command_line_is_named(cwd: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^命令行：stage 的值“end”不可用；可用：opening、middle、closing、unknown。$"
    ):
        load(cwd, stage="end")


def test_unknown_variables_are_listed(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEWER_MODLE", "x")
    monkeypatch.setenv("REVIEWER_ZZZ", "x")
    with pytest.raises(SettingsError) as caught:
        load(cwd)
    assert (
        str(caught.value) == "环境变量：没有 REVIEWER_MODLE、REVIEWER_ZZZ 这些设置；是不是 REVIEWER_MODEL？"
    )


def test_an_unknown_override_is_refused(cwd: Path) -> None:
    with pytest.raises(SettingsError, match=r"^命令行：没有设置“thread”；是不是 threads？$"):
        load(cwd, thread=1)


def test_a_long_or_broken_value_is_shown_short_on_one_line(cwd: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(cwd, channel="a\nb" + "x" * 500)
    assert "“a bxxx" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_printed_settings_read_back_the_same(
    cwd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cwd, 'threads = 3\npublic_numbers = ["400", "95\\"555"]\nrewrite = false')
    monkeypatch.setenv("REVIEWER_STAGE", "opening")
    loaded = load(cwd, deadline_ms=800, corpus="手册 \\ 甲")
    text = print_config(loaded)
    monkeypatch.delenv("REVIEWER_STAGE")
    other = tmp_path / "other"
    other.mkdir()
    path = write(other, text)
    again = load(other)
    assert again.settings == loaded.settings
    assert set(again.origins.values()) == {str(path)}


def test_printed_settings_say_where_each_came_from(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(cwd, "threads = 3")
    monkeypatch.setenv("REVIEWER_STAGE", "opening")
    lines = print_config(load(cwd, rewrite=False)).splitlines()
    assert len(lines) == len(Settings.model_fields)
    assert f"threads = 3  # {path}" in lines
    assert 'stage = "opening"  # 环境变量 REVIEWER_STAGE' in lines
    assert "rewrite = false  # 命令行" in lines
    assert 'deadline_ms = "none"  # 默认值' in lines
    assert "public_numbers = []  # 默认值" in lines


@given(
    st.text(st.characters(codec="utf-8")) | st.integers() | st.booleans() | st.tuples(st.text(), st.text())
)
def test_every_value_is_valid_toml(value: object) -> None:
    read = tomllib.loads(f"key = {_toml(value)}")["key"]
    assert (tuple(read) if isinstance(value, tuple) else read) == value


def test_every_field_says_what_is_allowed() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        options = [option for option in get_args(field.annotation) if isinstance(option, str)]
        assert not options or field.description == "、".join(options)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "“”"),
        (" ", "“ ”"),
        ("乙 ", "“乙 ”"),
        ("a" * 129, "“aaa"),
        ("x\ny", "“x y”"),
        ("丙\u200b", "“丙 ”"),
        ("none", "“none”"),
        ("default", "“default”"),
    ],
)
def test_a_name_that_no_request_could_give_to_a_manual_is_one_line(cwd: Path, name: str, shown: str) -> None:
    write(cwd, f'threads = 1\n[manuals]\n"甲" = "a"\n{json.dumps(name)} = "乙"\n')
    with pytest.raises(SettingsError) as fault:
        load(cwd)
    (line,) = str(fault.value).splitlines()
    assert f"第 2 行：manuals 里的名字{shown}" in line
    assert "1 到 128 个看得见的字符" in line


def test_a_long_or_odd_but_visible_name_is_a_name(cwd: Path) -> None:
    for name in ("a" * 128, "../x", "None", "二 店"):
        write(cwd, f'[manuals]\n{json.dumps(name)} = "乙"\n')
        assert load(cwd).settings.manuals == {name: cwd / "乙"}
