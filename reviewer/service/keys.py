"""API keys: made here, shown once, kept as salted hashes in a file that only its owner reads.

A key is 256 random bits, so nobody can try them all and a slow hash would protect nothing; at some
50 ms and 16 MB a request, scrypt would hand a stranger the means to stall two cores. BLAKE2b with
a salt of its own takes microseconds.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import InputError, SettingsError
from reviewer.files import atomic_path, locked, storage_error
from reviewer.service.errors import AccessError

PREFIX = "rvk_"
_KEY_BYTES, _SALT_BYTES, _DIGEST_BYTES = 32, 16, 32
_LONGEST_NAME = 64


class KeyRecord(BaseModel):
    """What is kept of a key; ``salt`` and ``digest`` are hex, times ISO 8601, ``revoked`` empty if valid."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    salt: str = Field(pattern=f"^[0-9a-f]{{{2 * _SALT_BYTES}}}$")
    digest: str = Field(pattern=f"^[0-9a-f]{{{2 * _DIGEST_BYTES}}}$")
    created: str
    revoked: str = ""


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    keys: list[KeyRecord]


def read_keys(path: Path) -> list[KeyRecord]:
    """Return the keys of ``path``, oldest first, revoked ones too; [] when there is no such file.

    Raises:
        StorageError: it cannot be read.
        SettingsError: it is not a key file.
    """
    try:
        return _KeyFile.model_validate_json(path.read_bytes()).keys
    except FileNotFoundError:
        return []
    except OSError as cause:
        raise storage_error(path, cause) from cause
    except ValidationError as cause:
        raise SettingsError(f"{path} 不是密钥文件，或已损坏；请恢复备份，或删除后重新添加密钥。") from cause


def add_key(path: Path, name: str) -> str:
    """Make a key for ``name`` and return it; it cannot be read again.

    Raises:
        InputError: the name is unusable or has a valid key already.
        StorageError: the file cannot be written.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"密钥名应是 1 到 {_LONGEST_NAME} 个可见字符。")
    secret = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    salt = secrets.token_bytes(_SALT_BYTES)
    record = KeyRecord(name=name, salt=salt.hex(), digest=_digest(secret, salt), created=_now())
    with _locked(path):
        known = read_keys(path)
        if any(key.name == name and not key.revoked for key in known):
            raise InputError(
                f"已有名为“{name}”的密钥；请换一个名字，或先用 reviewer serve key revoke 作废它。"
            )
        _write(path, [*known, record])
    return secret


def revoke_key(path: Path, name: str) -> None:
    """Make the key of ``name`` invalid; a running service notices at its next request.

    Raises:
        InputError: there is no valid key of that name.
        StorageError: the file cannot be written.
    """
    now = _now()
    with _locked(path):
        known = read_keys(path)
        if not any(key.name == name and not key.revoked for key in known):
            raise InputError(f"没有名为“{name}”的有效密钥；用 reviewer serve key list 查看。")
        revoked = [
            key.model_copy(update={"revoked": now}) if key.name == name and not key.revoked else key
            for key in known
        ]
        _write(path, revoked)


class Keyring:
    """The keys as the running service sees them: reread when the file changes.

    Once there was a key file, a key is required, whatever becomes of the file.
    """

    def __init__(self, path: Path) -> None:
        """Read ``path``, which need not exist.

        Raises:
            StorageError: it cannot be read.
            SettingsError: it is not a key file.
        """
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._keys: Sequence[KeyRecord] = ()
        self._required = False
        self._refresh()

    @property
    def required(self) -> bool:
        """Whether a request needs a key."""
        return self._required

    @property
    def names(self) -> frozenset[str]:
        """Whose keys there are, revoked ones left out."""
        return frozenset(key.name for key in self._keys if not key.revoked)

    @property
    def has_valid_key(self) -> bool:
        """Whether anybody could get in with a key."""
        return bool(self.names)

    def name_of(self, secret: str | None) -> str:
        """Return whose key ``secret`` is; empty when no key is required.

        Every key is compared, in constant time each.

        Raises:
            AccessError: no key was given, or it is not valid.
            StorageError: the file cannot be read any more.
        """
        self._refresh()
        if not self._required:
            return ""
        if not secret:
            raise AccessError("缺少密钥：请在请求头里写 Authorization: Bearer <密钥>。")
        name = ""
        for key in self._keys:
            matches = hmac.compare_digest(_digest(secret, bytes.fromhex(key.salt)), key.digest)
            if matches and not key.revoked:
                name = key.name
        if not name:
            raise AccessError("密钥无效或已作废；请向管理员要一把新的。")
        return name

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, ()
            return
        except OSError as cause:
            raise storage_error(self._path, cause) from cause
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        self._required = True
        if seen != self._seen:
            self._keys = read_keys(self._path)
            self._seen = seen


def refuse_open_door(host: str, keyring: Keyring) -> None:
    """Refuse to listen where others can reach it while nobody has a key.

    Raises:
        SettingsError: that is so.
    """
    if not is_loopback(host) and not keyring.has_valid_key:
        raise SettingsError(
            f"监听 {host} 会让别的机器访问，但还没有密钥；"
            "请先运行 reviewer serve key add 名称，或改用 --host 127.0.0.1。"
        )


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine as seen from itself only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _digest(secret: str, salt: bytes) -> str:
    data = secret.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES, salt=salt, person=b"reviewer-key").hexdigest()


def _locked(path: Path) -> AbstractContextManager[None]:
    """Keep two commands from each writing back what the other has not seen."""
    return locked(path.parent, "密钥命令", remedy="请等它结束再试")


def _write(path: Path, keys: Sequence[KeyRecord]) -> None:
    with atomic_path(path) as temporary:
        temporary.chmod(0o600)
        temporary.write_text(_KeyFile(keys=list(keys)).model_dump_json(indent=2) + "\n", encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
