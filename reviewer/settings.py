"""Settings and where each came from.

Precedence: command line > environment ``REVIEWER_*`` > ``reviewer.toml`` in the working folder or
the nearest parent that has one > ``reviewer.toml`` in the user's configuration folder > defaults.
"""

import contextlib
import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict

from reviewer.errors import SettingsError
from reviewer.types import Channel, RewriteBy, Stage

APP_NAME = "reviewer"
FILE_NAME = "reviewer.toml"
ENV_PREFIX = "REVIEWER_"
FROM_DEFAULT = "默认值"
FROM_COMMAND_LINE = "命令行"
_UNSET = "none"
# What a manual is called that has no name of its own.
UNNAMED_MANUAL = "default"
_NAME_CHARS = 128
_NAMES_ALLOWED = f"1 到 {_NAME_CHARS} 个看得见的字符，前后没有空格，{_UNSET} 和 {UNNAMED_MANUAL} 除外"
_SHOWN_CHARS = 80
_PATHS = ("home", "serve_keys", "serve_record")
_OPTIONAL_PATHS = ("corpus", "serve_policy")
# Who names the service gets drafts, and decides; a folder that somebody else filled must not.
_NOT_OF_A_PROJECT = ("service", "service_key")

FailOn = Literal["red", "major", "minor", "never"]


def _not_empty(value: object) -> object:
    """Refuse an empty path, which would silently mean the working folder."""
    if value == "":
        raise ValueError("an empty path")
    return value


def _none_word(value: object) -> object:
    """Read the word ``none`` as not set: TOML, the environment and the command line have no null."""
    return None if value in (_UNSET, Path(_UNSET)) else value


def _split_commas(value: object) -> object:
    """Read ``a,b`` (environment, command line) as a list; a file has real lists."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.split("[,，]", value) if part.strip()]


def _split_pairs(value: object) -> object:
    """Read ``a=x,b=y`` (environment) as a table; a file has real tables."""
    parts = _split_commas(value)
    if not isinstance(value, str) or not isinstance(parts, list) or not all("=" in part for part in parts):
        return value
    return {name.strip(): path.strip() for name, _, path in (part.partition("=") for part in parts)}


def _encrypted_beyond_here(value: str) -> str:
    """Refuse an address by which drafts and the key would cross a network in the clear."""
    host = urlsplit(value).hostname or ""
    if value.startswith("http:") and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError("plain http to another machine")
    return value


def _manual_name(value: str) -> str:
    """Refuse what a request could not send, nobody could see, or means something else."""
    fits = value.isprintable() and 0 < len(value) <= _NAME_CHARS and value == value.strip()
    if not fits or value in (_UNSET, UNNAMED_MANUAL):
        raise ValueError("no name of a manual")
    return value


class Settings(BaseSettings):
    """What a user can set; each description says, in Chinese, which values are allowed."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    home: Annotated[Path, BeforeValidator(_not_empty)] = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir(APP_NAME)),
        description="缓存目录（模型、索引、前缀）",
    )
    model: str = Field("qwen2.5-coder-0.5b", min_length=1, description="登记的模型名，或 GGUF 文件路径")
    adapter: str = Field(
        "auto", min_length=1, description="auto（有随附的就用）、none（不用），或适配器文件路径"
    )
    rewriter_adapter: str = Field(
        "auto", min_length=1, description="auto（有随附的就用）、none（不用），或训练所得的改写适配器目录"
    )
    classifier: str = Field(
        "auto", min_length=1, description="auto（用随附的）、none（不用），或训练所得的分类器目录"
    )
    retriever: str = Field(
        "auto",
        min_length=1,
        description="auto（有随附的就用）、none（用未经训练的编码器），或训练所得的检索器目录",
    )
    encoder: str = Field(
        "multilingual-e5-small",
        min_length=1,
        description="登记的编码器名，或 sentence-transformers 名称或目录",
    )
    corpus: Annotated[Path | None, BeforeValidator(_none_word), BeforeValidator(_not_empty)] = Field(
        None, description="另一份手册的目录，或 manuals 里登记的名字；none 表示用随附的手册"
    )
    manuals: Annotated[dict[Annotated[str, AfterValidator(_manual_name)], Path], NoDecode] = Field(
        default_factory=dict,
        description="手册的名字和目录：文件里写 [manuals] 表，环境变量里写 名字=目录，用逗号隔开",
    )
    threads: int = Field(0, ge=0, le=1024, description="0 到 1024 的整数，0 表示用全部可用的核")
    context_tokens: int = Field(8192, ge=1024, le=131072, description="1024 到 131072 的整数")
    deadline_ms: Annotated[int | None, BeforeValidator(_none_word)] = Field(
        None, ge=1, description="不小于 1 的整数（毫秒）；none 表示不限时"
    )
    fail_on: FailOn = Field("minor", description="red、major、minor、never")
    public_numbers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = Field(
        (), description="可以对外公布的号码：文件里写列表，环境变量和命令行里用逗号隔开"
    )
    rewrite: bool = Field(True, description="true、false")
    rewriter: RewriteBy = Field("auto", description="auto、wordings、model")
    channel: Channel = Field("unknown", description="online、phone、unknown")
    stage: Stage = Field("unknown", description="opening、middle、closing、unknown")
    max_rewrite_tokens: int = Field(200, ge=1, le=4096, description="1 到 4096 的整数")
    service: Annotated[str, AfterValidator(_encrypted_beyond_here)] = Field(
        "auto",
        pattern="^(auto|off|https?://[^/?#@]+/?)$",
        description="auto（本机有自己启动的 reviewer serve 就用）、off，或服务的 https 地址（本机可用 http）",
    )
    service_key: SecretStr = Field(
        SecretStr(""), description="用那个服务的密钥，要与 service 写在同一处；空表示不需要"
    )
    serve_host: str = Field("127.0.0.1", min_length=1, description="reviewer serve 监听的地址")
    serve_port: int = Field(8765, ge=1, le=65535, description="1 到 65535 的整数")
    serve_queue: int = Field(16, ge=1, le=1024, description="最多排队的请求数：1 到 1024 的整数")
    serve_deadline_ms: int = Field(
        5000, ge=1, le=600_000, description="每个请求的时限（毫秒，含排队）：1 到 600000 的整数"
    )
    serve_keys: Annotated[Path, BeforeValidator(_not_empty)] = Field(
        default_factory=lambda: Path(platformdirs.user_config_dir(APP_NAME)) / "keys.json",
        description="密钥文件",
    )
    serve_policy: Annotated[Path | None, BeforeValidator(_none_word), BeforeValidator(_not_empty)] = Field(
        None, description="各团队策略的 YAML 文件；none 表示没有"
    )
    serve_record: Annotated[Path, BeforeValidator(_not_empty)] = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir(APP_NAME)) / "record.sqlite3",
        description="审核记录的数据库文件",
    )
    serve_retention_days: int = Field(90, ge=0, le=36_500, description="记录保留的天数，0 表示一直保留")
    serve_cors: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = Field(
        (), description="允许跨域访问的来源，如 https://chat.example.com：文件里写列表，其他地方用逗号隔开"
    )
    serve_per_minute: int = Field(
        120, ge=0, le=100_000, description="每把密钥每分钟的请求数，0 表示不限；策略里可另定"
    )
    serve_max_bytes: int = Field(262_144, ge=1024, le=16_777_216, description="请求体的字节数上限：1024 起")
    serve_batch: int = Field(50, ge=1, le=1000, description="一次批量最多几条：1 到 1000 的整数")
    serve_cache: int = Field(512, ge=0, le=100_000, description="缓存几条审核结果，0 表示不缓存")
    serve_log_text: bool = Field(False, description="true、false：日志里是否写草稿（已遮盖个人信息）")
    serve_record_text: bool = Field(False, description="true、false：记录里是否存对话原文")


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and, for every field, where it came from: 默认值, a file, 环境变量 X or 命令行."""

    settings: Settings
    origins: dict[str, str]

    def share_origin(self, first: str, second: str) -> bool:
        """Return whether the same file, the environment, or the command line gave both settings."""
        # Only the origin of a variable names the setting too.
        origins = {self.origins[key].removesuffix(key.upper()) for key in (first, second)}
        return len(origins) == 1


@dataclass(frozen=True, slots=True)
class _Layer:
    """Values of one source: the command line unless it is ``environment`` or has a ``file``.

    ``base`` is the folder that relative paths start from; ``text`` is what the file holds; a file of a
    ``project`` is not the user's own.
    """

    values: dict[str, Any]
    base: Path
    environment: bool = False
    file: Path | None = None
    text: str = ""
    project: bool = False

    def origin(self, key: str) -> str:
        if self.file is not None:
            return _one_line(str(self.file))
        return f"环境变量 {ENV_PREFIX}{key.upper()}" if self.environment else FROM_COMMAND_LINE

    def where(self, key: str) -> str:
        """Return the origin as the start of an error message, with the line when it is in a file."""
        line = _line_of(self.text, key)
        return self.origin(key) + (f" 第 {line} 行" if line else "")


def load_settings(overrides: Mapping[str, object], *, cwd: Path) -> LoadedSettings:
    """Read all sources and merge them.

    Args:
        overrides: what the command line gave, by field name; None means not given.
        cwd: the working folder, absolute: ``reviewer.toml`` is looked for from here upwards, and
            relative paths of the environment and the command line start here. Those in a file start
            at that file's folder.

    Raises:
        SettingsError: a file cannot be read, a key or variable is unknown, or a value is not allowed.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    layers = [_Layer(given, cwd), _read_environment(cwd), *map(_read_file, _settings_files(cwd))]
    values: dict[str, Any] = {}
    winners: dict[str, _Layer] = {}
    for layer in layers:
        for key, value in layer.values.items():
            _check_known(key, layer)
            _check_allowed(key, layer)
            if key not in values:
                values[key] = _absolute(key, value, layer.base)
                winners[key] = layer
    if "corpus" in winners and isinstance(values.get("manuals"), dict):
        name = str(winners["corpus"].values["corpus"])
        values["corpus"] = values["manuals"].get(name, values["corpus"])
    try:
        # What the environment gave is among the values already, so reading it again changes nothing.
        settings = Settings(**values)
    except ValidationError as cause:
        raise _bad_value(cause, winners) from cause
    origins = {
        key: winners[key].origin(key) if key in winners else FROM_DEFAULT for key in Settings.model_fields
    }
    return LoadedSettings(settings, origins)


def print_config(loaded: LoadedSettings) -> str:
    """Return the settings as TOML that reads back the same, each line with its origin as a comment."""
    lines = (
        f"{key} = {_toml(getattr(loaded.settings, key))}  # {origin}\n"
        for key, origin in loaded.origins.items()
    )
    return "".join(lines)


def _settings_files(cwd: Path) -> list[Path]:
    """Return the files that are there, the nearest folder first, the user's folder last."""
    near = next(filter(_is_file, (folder / FILE_NAME for folder in (cwd, *cwd.parents))), None)
    user = _user_file()
    files = [near] if near else []
    if user != near and _is_file(user):
        files.append(user)
    return files


def _user_file() -> Path:
    return Path(platformdirs.user_config_dir(APP_NAME)) / FILE_NAME


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a parent folder that may not be looked into holds no settings for us
        return False


def _read_file(path: Path) -> _Layer:
    try:
        # Editors on Windows put a byte order mark first, which TOML does not allow.
        text = path.read_text(encoding="utf-8-sig")
        values = tomllib.loads(text)
        return _Layer(values, path.parent, file=path, text=text, project=path != _user_file())
    except OSError as cause:
        raise SettingsError(f"{path}：读不了这个设置文件（{cause.strerror}）；请检查权限。") from cause
    except UnicodeDecodeError as cause:
        raise SettingsError(f"{path}：不是 UTF-8 文本；请用 UTF-8 重新保存。") from cause
    except tomllib.TOMLDecodeError as cause:
        raise SettingsError(f"{path}：不是合法的 TOML（{_one_line(str(cause))}）；请改正后再试。") from cause


def _read_environment(cwd: Path) -> _Layer:
    names = [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]
    keys = {name: name[len(ENV_PREFIX) :].lower() for name in sorted(names)}
    if unknown := {name: key for name, key in keys.items() if key not in Settings.model_fields}:
        guesses = [guess for key in unknown.values() for guess in _similar(key)]
        known = "、".join(ENV_PREFIX + key.upper() for key in guesses or Settings.model_fields)
        hint = f"是不是 {known}？" if guesses else f"可用：{known}。"
        raise SettingsError(f"环境变量：没有 {'、'.join(unknown)} 这些设置；{hint}")
    return _Layer(EnvSettingsSource(Settings)(), cwd, environment=True)


def _similar(key: str) -> list[str]:
    return difflib.get_close_matches(key.replace("-", "_"), Settings.model_fields, n=1)


def _check_known(key: str, layer: _Layer) -> None:
    if key in Settings.model_fields:
        return
    guess = _similar(key)
    hint = f"是不是 {guess[0]}？" if guess else f"可用：{'、'.join(Settings.model_fields)}。"
    raise SettingsError(f"{layer.where(key)}：没有设置“{_one_line(key)}”；{hint}")


def _check_allowed(key: str, layer: _Layer) -> None:
    # Not to use any, and not to have any, is for everybody to say: printed settings read back.
    if layer.project and key in _NOT_OF_A_PROJECT and layer.values[key] not in ("auto", "off", ""):
        raise SettingsError(
            f"{layer.where(key)}：{key} 不能由项目目录里的文件决定；"
            f"请写在自己的 {_one_line(str(_user_file()))} 或环境变量 {ENV_PREFIX}{key.upper()} 里。"
        )


def _bad_value(cause: ValidationError, winners: Mapping[str, _Layer]) -> SettingsError:
    where = cause.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    key = str(where[0])
    layer = winners[key]
    if where[-1] == "[key]":
        name = _one_line(str(where[1]))[:_SHOWN_CHARS]
        return SettingsError(f"{layer.where(key)}：{key} 里的名字“{name}”不可用；可用：{_NAMES_ALLOWED}。")
    allowed = Settings.model_fields[key].description
    value = _one_line(str(layer.values[key]))[:_SHOWN_CHARS]
    return SettingsError(f"{layer.where(key)}：{key} 的值“{value}”不可用；可用：{allowed}。")


def _absolute(key: str, value: object, base: Path) -> object:
    """Make ``value`` absolute when it names a path, so that it means the same in every folder."""
    if key == "manuals":
        table = _split_pairs(value)
        if isinstance(table, dict):
            return {name: _absolute("corpus", path, base) for name, path in table.items()}
    if not isinstance(value, str | Path) or not str(value) or not _names_path(key, str(value), base):
        return value
    with contextlib.suppress(RuntimeError):  # ~name of a user who does not exist stays as written
        value = Path(value).expanduser()
    path = base / value
    return path if key in (*_PATHS, *_OPTIONAL_PATHS) else str(path)


def _names_path(key: str, value: str, base: Path) -> bool:
    if key in _PATHS:
        return True
    if key in _OPTIONAL_PATHS:
        return value != _UNSET
    if key in ("adapter", "rewriter_adapter", "classifier", "retriever"):
        return value not in ("auto", _UNSET)
    if key == "model":
        return value.lower().endswith(".gguf") or _starts_like_path(value)
    # The name of an encoder may hold a slash (organisation/name), so only a folder that is there counts.
    return key == "encoder" and (_starts_like_path(value) or (base / value).is_dir())


def _starts_like_path(value: str) -> bool:
    return value.startswith((".", "~")) or Path(value).is_absolute()


def _line_of(text: str, key: str) -> int | None:
    """Return the number of the line that sets ``key`` or opens the table of that name."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)


def _one_line(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value)


def _toml(value: object) -> str:
    if value is None:
        return f'"{_UNSET}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
