"""Keys: shown once, hashed at rest, private file, revocable while the service runs."""

import json
from pathlib import Path

import pytest

from reviewer.errors import InputError, SettingsError, StorageError
from reviewer.files import locked
from reviewer.service.errors import AccessError
from reviewer.service.keys import Keyring, add_key, is_loopback, read_keys, refuse_open_door, revoke_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "keys.json"


def test_a_key_opens_under_its_name_and_is_not_in_the_file(path: Path) -> None:
    first, second = add_key(path, "前台"), add_key(path, "后台")
    keyring = Keyring(path)
    assert (keyring.name_of(first), keyring.name_of(second)) == ("前台", "后台")
    stored = path.read_text(encoding="utf-8")
    assert first not in stored
    assert first.removeprefix("rvk_") not in stored
    assert path.stat().st_mode & 0o777 == 0o600


def test_equal_keys_would_not_look_equal_in_the_file(path: Path) -> None:
    add_key(path, "甲")
    add_key(path, "乙")
    salts = {key.salt for key in read_keys(path)}
    assert len(salts) == 2


@pytest.mark.parametrize("secret", [None, "", "rvk_", "不是密钥", "\udce4"])
def test_anything_else_is_refused(path: Path, secret: str | None) -> None:
    add_key(path, "甲")
    with pytest.raises(AccessError):
        Keyring(path).name_of(secret)


def test_a_revoked_key_is_refused_at_once_and_its_name_is_free(path: Path) -> None:
    old = add_key(path, "甲")
    keyring = Keyring(path)
    assert keyring.name_of(old) == "甲"
    revoke_key(path, "甲")
    with pytest.raises(AccessError):
        keyring.name_of(old)
    new = add_key(path, "甲")
    assert keyring.name_of(new) == "甲"
    with pytest.raises(AccessError):
        keyring.name_of(old)


def test_without_a_file_no_key_is_needed_until_there_is_one(path: Path) -> None:
    keyring = Keyring(path)
    assert keyring.name_of(None) == ""
    assert not keyring.required
    add_key(path, "甲")
    with pytest.raises(AccessError):
        keyring.name_of(None)


def test_a_file_that_disappears_does_not_open_the_door(path: Path) -> None:
    secret = add_key(path, "甲")
    keyring = Keyring(path)
    path.unlink()
    for given in (None, secret):
        with pytest.raises(AccessError):
            keyring.name_of(given)


@pytest.mark.parametrize("name", ["", "  ", "长" * 65, "两\n行"])
def test_an_unusable_name_is_refused(path: Path, name: str) -> None:
    with pytest.raises(InputError):
        add_key(path, name)
    assert not path.exists()


def test_a_name_has_one_valid_key(path: Path) -> None:
    add_key(path, "甲")
    with pytest.raises(InputError, match="已有"):
        add_key(path, "甲")
    with pytest.raises(InputError, match="没有"):
        revoke_key(path, "乙")


def test_two_commands_do_not_write_over_each_other(path: Path) -> None:
    secret = add_key(path, "甲")
    with locked(path.parent, "测试"):
        for command in (add_key, revoke_key):
            with pytest.raises(StorageError, match="另一个密钥命令"):
                command(path, "甲")
    assert Keyring(path).name_of(secret) == "甲"


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"keys": [{"name": "甲"}]}), "\x00"])
def test_a_damaged_file_is_said_so(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match="密钥文件"):
        Keyring(path)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback(host: str, inside: bool) -> None:
    assert is_loopback(host) is inside


def test_the_door_stays_shut_until_there_is_a_valid_key(path: Path) -> None:
    refuse_open_door("127.0.0.1", Keyring(path))
    with pytest.raises(SettingsError, match="还没有密钥"):
        refuse_open_door("0.0.0.0", Keyring(path))
    add_key(path, "甲")
    refuse_open_door("0.0.0.0", Keyring(path))
    revoke_key(path, "甲")
    with pytest.raises(SettingsError):
        refuse_open_door("0.0.0.0", Keyring(path))
