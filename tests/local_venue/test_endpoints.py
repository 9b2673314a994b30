"""The configuration that points the platform at a local venue, and the files beside it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from underround.app.configuration import load_config
from underround.local_venue.accounts import Accounts
from underround.local_venue.endpoints import (
    HEADLINE,
    Endpoints,
    KalshiMember,
    configuration,
    write_configuration,
    write_private,
)
from underround.local_venue.participants import Participant, participant
from underround.model.errors import ConfigError, DiskError

MEMBER = KalshiMember("alice", "key-1", "-----BEGIN PRIVATE KEY-----\nMC4\n", "ed25519")


def _scheme(name: str) -> str:
    return "ws" if name.endswith(("stream", "events")) else "http"


def endpoints(chain: str = "") -> Endpoints:
    names = [name for name in Endpoints.__struct_fields__ if name != "chain"]
    at = {name: f"{_scheme(name)}://127.0.0.1:{9000 + place}" for place, name in enumerate(names)}
    return Endpoints(**at, chain=chain)


@pytest.fixture(name="alice")
def _alice() -> Participant:
    return participant("alice", 0, Accounts(3), 3)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("chain", ["", "http://127.0.0.1:8545"])
def test_every_address_is_local_and_every_secret_a_file(
    tmp_path: Path, alice: Participant, chain: str
) -> None:
    """Whatever the platform could ask leads to the venue, or is switched off."""
    file, keys = tmp_path / "venue.toml", tmp_path / "keys"
    at = endpoints(chain)
    write_configuration(file, keys, at, alice, MEMBER)
    venues = load_config(file, ()).value.venues
    assert venues.polymarket.hosts.clob == at.clob
    assert (venues.polymarket.maker, venues.goldsky) == (alice.maker, "")
    assert (venues.kalshi.rest, venues.kalshi.stream) == (at.kalshi, at.kalshi_stream)
    assert venues.polygon.enabled == bool(chain)
    text = file.read_text()
    for word in (
        alice.private_key,
        alice.api_secret,
        alice.api_passphrase,
        alice.relayer_key,
        "MC4",
    ):
        assert word not in text
    with (keys / "wallet").open() as written:
        assert written.read() == alice.private_key
    names = {each.name for each in keys.iterdir()}
    assert names == {
        "wallet", "relayer_key", "api_key", "api_secret", "api_passphrase",
        "kalshi_key_id", "kalshi_private_key",
    }  # fmt: skip
    assert {mode(each) for each in keys.iterdir()} == {0o600}


def test_paths_with_quotes_and_backslashes_stay_paths(tmp_path: Path, alice: Participant) -> None:
    keys = tmp_path / 'a "strange" \\ place'
    write_configuration(tmp_path / "venue.toml", keys, endpoints(), alice, MEMBER)
    settings = load_config(tmp_path / "venue.toml", ()).value.venues.polymarket
    assert str(settings.wallet) == f"file:{keys / 'wallet'}"


def test_it_writes_over_its_own_file_and_over_nobody_else_s(
    tmp_path: Path, alice: Participant
) -> None:
    file, keys = tmp_path / "venue.toml", tmp_path / "keys"
    for _ in range(2):
        write_configuration(file, keys, endpoints(), alice, MEMBER)
    assert file.read_text().startswith(HEADLINE)
    file.write_text("[risk]\n")
    with pytest.raises(ConfigError, match=r"venue\.toml: this file was not written by .*: name an"):
        write_configuration(file, keys, endpoints(), alice, MEMBER)
    assert file.read_text() == "[risk]\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, alice: Participant) -> None:
    with pytest.raises(DiskError, match=r"nowhere/venue\.toml cannot be written .*: name another"):
        write_configuration(
            tmp_path / "nowhere" / "venue.toml", tmp_path / "keys", endpoints(), alice, MEMBER
        )


def test_a_file_that_was_open_to_others_is_so_no_more(tmp_path: Path) -> None:
    """Neither the file of before nor what a process that died left lends its mode to the secret."""
    file, left = tmp_path / "token", tmp_path / "token.new"
    for each in (file, left):
        each.write_text("old")
        each.chmod(0o644)
    write_private(file, "new")
    assert (file.read_text(), mode(file), left.exists()) == ("new", 0o600, False)


def test_a_link_in_the_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, file = tmp_path / "target", tmp_path / "token"
    target.write_text("mine")
    (tmp_path / "token.new").symlink_to(target)
    file.symlink_to(target)
    write_private(file, "secret")
    assert (target.read_text(), file.read_text(), file.is_symlink()) == ("mine", "secret", False)


def test_a_configuration_without_a_chain_asks_no_node(tmp_path: Path, alice: Participant) -> None:
    assert "enabled = false" in configuration(endpoints(), alice, tmp_path)
    with_chain = configuration(endpoints("http://127.0.0.1:8545"), alice, tmp_path)
    assert 'rpc = ["http://127.0.0.1:8545"]' in with_chain
