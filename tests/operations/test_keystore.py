"""The key store: sealed, exact, and never half-written."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import DiskError, KeyStoreError
from underround.operations.keystore import Kdf, KeyStore
from underround.operations.memory import LockedSecret

PASSWORD = b"correct horse"
VALUE = b"0xplanted5ecret"
NOW = 1_790_000_000_000_000_000


def password(text: bytes = PASSWORD) -> LockedSecret:
    return LockedSecret("password", text)


def value(content: bytes = VALUE) -> LockedSecret:
    return LockedSecret("value", content)


def content(store: KeyStore, name: str) -> bytes:
    with store.secret(name).reveal() as bare:
        return bytes(bare)


CHEAP = Kdf(b"sixteen bytes of", memory_kib=8 * 1024, iterations=1, lanes=1)
"""The least cost the file's format allows: what is tested is not the cost."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a store with one key."""
    file = tmp_path / "keys" / "keys.json"
    with KeyStore.create(file, password(), CHEAP) as store:
        store.add("main", "wallet", value(), NOW)
    return file


def test_a_key_comes_back_exactly(path: Path) -> None:
    with KeyStore.open(path, password()) as store:
        assert content(store, "main") == VALUE
        assert [(each.name, each.kind, each.added_ns) for each in store.infos] == [
            ("main", "wallet", NOW)
        ]


def test_neither_names_nor_values_are_readable_in_the_file(path: Path) -> None:
    text = path.read_bytes()
    assert VALUE not in text
    assert b"main" not in text
    assert PASSWORD not in text


def test_the_file_is_its_owners_only(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_read_is_not_opened(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(KeyStoreError, match="may be read by others: chmod 600"):
        KeyStore.open(path, password())


def test_a_wrong_password_opens_nothing(path: Path) -> None:
    with pytest.raises(KeyStoreError, match="the password is wrong, or the file was changed"):
        KeyStore.open(path, password(b"wrong password"))


def test_a_password_can_be_changed(path: Path) -> None:
    with KeyStore.open(path, password()) as store:
        store.change_password(password(b"another one"))
    with KeyStore.open(path, password(b"another one")) as store:
        assert content(store, "main") == VALUE
    with pytest.raises(KeyStoreError, match="the password is wrong"):
        KeyStore.open(path, password())


def test_a_new_password_and_every_version_have_a_salt_or_nonce_of_their_own(path: Path) -> None:
    first = json.loads(path.read_bytes())
    with KeyStore.open(path, password()) as store:
        store.add("more", "text", value(b"x"), NOW)
        second = json.loads(path.read_bytes())
        store.change_password(password(b"another one"))
    third = json.loads(path.read_bytes())
    assert len({each["nonce"] for each in (first, second, third)}) == 3
    assert first["kdf"] == second["kdf"]
    assert second["kdf"]["salt"] != third["kdf"]["salt"]


def test_the_usual_cost_of_a_guess_is_the_one_that_rfc_9106_recommends() -> None:
    usual = Kdf(bytes(16))
    assert (usual.memory_kib, usual.iterations, usual.lanes) == (64 * 1024, 3, 4)


def test_the_seal_covers_the_head_of_the_file(path: Path) -> None:
    """The documented recipe opens it, and only together with what stands before the seal."""
    whole = json.loads(path.read_bytes())
    nonce, sealed = (base64.b64decode(whole[part]) for part in ("nonce", "sealed"))
    kdf = whole["kdf"]
    key = Argon2id(
        salt=base64.b64decode(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["lanes"],
        memory_cost=kdf["memory_kib"],
    ).derive(PASSWORD)
    twice = base64.b64encode(whole["nonce"].encode()).decode()  # as format 1 has it
    head = msgspec.json.encode([whole["format"], kdf, twice])
    assert VALUE in AESGCM(key).decrypt(nonce, sealed, head)
    for other in (None, b"", head.replace(b"1", b"2", 1)):
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(nonce, sealed, other)


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="choose a longer one"):
        KeyStore.create(tmp_path / "keys.json", password(b"short"))
    assert not (tmp_path / "keys.json").exists()


def test_a_removed_key_is_gone_from_file_and_memory(path: Path) -> None:
    with KeyStore.open(path, password()) as store:
        held = store.secret("main")
        store.remove("main")
        assert held.wiped
    with (
        KeyStore.open(path, password()) as store,
        pytest.raises(KeyStoreError, match=r"no key 'main' \(there are: none\)"),
    ):
        store.secret("main")


def test_a_closed_store_wiped_what_it_lent(path: Path) -> None:
    with KeyStore.open(path, password()) as store:
        held = store.secret("main")
    assert held.wiped


def test_a_store_is_not_made_over_another(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyStoreError, match="exists already"):
        KeyStore.create(path, password())
    assert path.read_bytes() == before


def test_a_name_is_taken_once(path: Path) -> None:
    with (
        KeyStore.open(path, password()) as store,
        pytest.raises(KeyStoreError, match="holds a key 'main' already"),
    ):
        store.add("main", "text", value(b"other"), NOW)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ä", "0xplanted/5ecret"])
def test_a_name_that_may_be_a_secret_is_not_repeated(path: Path, name: str) -> None:
    with (
        KeyStore.open(path, password()) as store,
        pytest.raises(KeyStoreError, match="a key's name is") as caught,
    ):
        store.add(name, "text", value(), NOW)
    assert not name or name not in str(caught.value)


def test_what_another_process_wrote_is_not_overwritten(path: Path) -> None:
    with KeyStore.open(path, password()) as first, KeyStore.open(path, password()) as second:
        first.add("theirs", "text", value(b"x"), NOW)
        with pytest.raises(KeyStoreError, match="changed by another process"):
            second.add("ours", "text", value(b"y"), NOW)
    with KeyStore.open(path, password()) as store:
        assert [each.name for each in store.infos] == ["main", "theirs"]


def test_a_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with KeyStore.open(path, password()) as store:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(DiskError, match="is as it was"):
            store.add("more", "text", value(), NOW)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []


def test_there_is_a_sentence_when_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="there is no key store: underround keys init"):
        KeyStore.open(tmp_path / "none.json", password())


def test_every_changed_byte_of_the_file_is_found(path: Path) -> None:
    """Whatever is changed, the store does not open; nothing else than its own error comes."""
    whole = path.read_bytes()
    document = json.loads(whole)
    for place in range(len(whole)):
        broken = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        path.write_bytes(broken)
        try:
            if json.loads(broken) == document:
                continue
        except ValueError:
            pass
        if b'"memory_kib"' in broken and json_cost(broken) > 16 * 1024:
            continue  # a dearer derivation fails as well, only later
        with pytest.raises(KeyStoreError):
            KeyStore.open(path, password())


def json_cost(text: bytes) -> int:
    """Return the memory a changed file asks for; 0 where it is no document."""
    try:
        return int(json.loads(text)["kdf"]["memory_kib"])
    except (ValueError, KeyError, TypeError):
        return 0


@given(st.binary(max_size=300))
def test_any_bytes_are_kept_exactly(tmp_path_factory: pytest.TempPathFactory, any_: bytes) -> None:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    with KeyStore.create(file, password(), CHEAP) as store:
        store.add("k", "text", value(any_), NOW)
    with KeyStore.open(file, password()) as store:
        assert content(store, "k") == any_
