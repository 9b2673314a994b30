"""Where a running local venue is, and the configuration that points the platform at it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from underround.local_venue.participants import Participant
from underround.model.errors import ConfigError, DiskError

HEADLINE: Final = "# Written by `underround venue --write-config`: the local venue, nothing real."


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base addresses without a slash at the end, in the words of the configuration."""

    clob: str
    clob_market_stream: str
    clob_user_stream: str
    gamma: str
    data: str
    live_prices_stream: str
    rtds_stream: str
    relayer: str
    site: str
    kalshi: str
    kalshi_stream: str
    binance: str
    binance_stream: str
    allora: str
    allora_events: str
    chain: str = ""
    """JSON-RPC of the local chain; empty without one."""
    status: str
    """The page of the venue, and its control endpoint."""


class KalshiMember(msgspec.Struct, frozen=True):
    """A ready-made key of a Kalshi member."""

    name: str
    key_id: str
    private_key: str
    """PEM."""
    kind: str
    """``rsa`` or ``ed25519``."""

    def __repr__(self) -> str:
        return f"KalshiMember({self.name}, {self.kind})"


def configuration(at: Endpoints, who: Participant, keys: Path) -> str:
    """Return the text of a configuration; its secrets are files in the folder ``keys``."""
    polymarket = {
        "clob": at.clob,
        "clob_market_stream": at.clob_market_stream,
        "clob_user_stream": at.clob_user_stream,
        "gamma": at.gamma,
        "data": at.data,
        "live_prices_stream": at.live_prices_stream,
        "rtds_stream": at.rtds_stream,
        "relayer": at.relayer,
        "site": at.site,
    }
    lines = [HEADLINE, "", "[venues]", 'goldsky = ""', "", "[venues.polymarket]"]
    lines += [f"maker = {_text(who.maker)}"]
    lines += [f"{name} = {_text(f'file:{keys / name}')}" for name in _secrets(who)]
    lines += ["", "[venues.polymarket.hosts]"]
    lines += [f"{name} = {_text(value)}" for name, value in polymarket.items()]
    lines += ["", "[venues.kalshi]", f"rest = {_text(at.kalshi)}"]
    lines += [f"stream = {_text(at.kalshi_stream)}"]
    lines += [f"key_id = {_text(f'file:{keys / _KEY_ID}')}"]
    lines += [f"private_key = {_text(f'file:{keys / _KEY}')}"]
    lines += ["", "[venues.binance]", f"rest = {_text(at.binance)}"]
    lines += [f"stream = {_text(at.binance_stream)}", 'symbols = ["BTCUSDT", "ETHUSDT"]']
    lines += ["", "[venues.allora]", f"gateway = {_text(at.allora)}"]
    lines += [f"events = {_text(at.allora_events)}", f"consumer = {_text(at.allora)}"]
    lines += ["", "[venues.polygon]"]
    lines += [f"rpc = [{_text(at.chain)}]", 'gas_station = ""'] if at.chain else ["enabled = false"]
    lines += ["", "[clock]", 'ntp = ""', "", "[discovery]", 'min_liquidity = "0"', ""]
    return "\n".join(lines)


def write_configuration(
    file: Path, keys: Path, at: Endpoints, who: Participant, member: KalshiMember
) -> None:
    """Write the configuration to ``file`` and its secrets into the folder ``keys``.

    Raises ``ConfigError`` when ``file`` is somebody's own, ``DiskError`` when it cannot be written.
    """
    try:
        if file.exists() and not file.read_text(encoding="utf-8").startswith(HEADLINE):
            raise ConfigError(
                f"{file}: this file was not written by `underround venue`: name another one with "
                "--write-config FILE"
            )
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        secrets = _secrets(who) | {_KEY_ID: member.key_id, _KEY: member.private_key}
        for name, value in secrets.items():
            write_private(keys / name, value)
        text = configuration(at, who, keys.absolute())
        fresh = file.with_name(file.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except (OSError, UnicodeDecodeError) as error:
        raise DiskError(f"{file} cannot be written ({error}): name another one") from None


def write_private(path: Path, value: str) -> None:
    """Write a file that only its owner may read, whole or not at all; raises ``OSError``."""
    fresh = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        fresh.unlink()  # left by a process that died; it may be open to others
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value)
    fresh.replace(path)


_KEY_ID: Final = "kalshi_key_id"
_KEY: Final = "kalshi_private_key"


def _secrets(who: Participant) -> dict[str, str]:
    return {
        "wallet": who.private_key,
        "relayer_key": who.relayer_key,
        "api_key": who.api_key,
        "api_secret": who.api_secret,
        "api_passphrase": who.api_passphrase,
    }


def _text(value: str) -> str:
    """Return ``value`` as a TOML string."""
    return msgspec.json.encode(value).decode()
