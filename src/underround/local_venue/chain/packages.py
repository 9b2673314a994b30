"""What the chain needs from npm: the node's binary and the bytecode of Conditional Tokens.

Fetched once into the state folder, by exact versions and hashes; nothing of it is run by npm.
Conditional Tokens are LGPL, so they are fetched and never shipped.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from underround.model.errors import ConfigError
from underround.operations.folders import Folders

PLACE: Final = "chain"
"""Folder inside the state folder."""
_SHIPPED: Final = ("package.json", "package-lock.json", ".npmrc")
_TOKENS: Final = "@gnosis.pm/conditional-tokens-contracts/build/contracts/ConditionalTokens.json"
_OUR_SYSTEM: Final = "@foundry-rs/anvil-linux-amd64"
_MACHINES: Final = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_OPTIONS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_WITHOUT: Final = "or run the venue without --chain"


class Tools(msgspec.Struct, frozen=True):
    """What was fetched."""

    anvil: Path
    """The node's own binary: npm's launcher would have a child to leave behind."""
    conditional_tokens: str
    """Runtime bytecode, ``0x`` hex."""


def find_tools(folder: Path) -> Tools | None:
    """Return what lies in ``folder`` (or, of the node, in the path); ``None`` unless complete."""
    anvil = _anvil(folder)
    tokens = folder / "node_modules" / _TOKENS
    if anvil is None or not tokens.is_file():
        return None
    code = json.loads(tokens.read_bytes())["deployedBytecode"]
    return Tools(anvil, code)


def fetch_tools(folders: Folders, say: Callable[[str], None]) -> Tools:
    """Return the tools; fetches them first, and says so, if they are not there yet.

    Raises ``ConfigError`` when node is missing or npm cannot fetch them, ``DiskError`` when the
    state folder cannot be written.
    """
    folder = folders.home / PLACE
    shipped = _shipped()
    stamp = folder / ".fetched"
    fresh = stamp.is_file() and stamp.read_bytes() == shipped["package-lock.json"]
    if fresh and (found := find_tools(folder)) is not None:
        return found
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise ConfigError(
            "--chain needs node and npm, and they are not installed: install them (on Debian: "
            f"apt-get install nodejs npm), {_WITHOUT}"
        )
    folders.create()
    folder.mkdir(exist_ok=True)
    say(f"fetching the local chain from npm into {folder} (once, about 30 MB)")
    for name, content in shipped.items():
        (folder / name).write_bytes(content)
    _npm(npm, folder, "ci")
    if _anvil(folder) is None:
        _fetch_other_system(npm, folder, shipped["package.json"])
    found = find_tools(folder)
    if found is None:
        raise ConfigError(
            f"npm has no anvil for {sys.platform}-{platform.machine()}: install Foundry "
            f"(getfoundry.sh), {_WITHOUT}"
        )
    stamp.write_bytes(shipped["package-lock.json"])
    return found


def _shipped() -> dict[str, bytes]:
    place = resources.files("underround.local_venue.chain") / "npm"
    return {name: (place / name).read_bytes() for name in _SHIPPED}


def _anvil(folder: Path) -> Path | None:
    fetched = sorted(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))
    if fetched:
        return fetched[0]
    elsewhere = shutil.which("anvil")
    return Path(elsewhere) if elsewhere else None


def _fetch_other_system(npm: str, folder: Path, package: bytes) -> None:
    """Fetch the node for a system that the lock file does not name; its version is the same."""
    version = json.loads(package)["optionalDependencies"][_OUR_SYSTEM]
    machine = _MACHINES.get(platform.machine(), platform.machine())
    name = f"@foundry-rs/anvil-{sys.platform}-{machine}@{version}"
    try:
        _npm(npm, folder, "install", "--no-save", "--no-package-lock", name)
    except ConfigError:
        return


def _npm(npm: str, folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - npm with fixed words
            [npm, *command, *_OPTIONS], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise ConfigError(f"npm cannot be run ({error}): mend it, {_WITHOUT}") from None
    if done.returncode:
        last = next((line for line in done.stderr.splitlines() if line.strip()), "no reason given")
        raise ConfigError(
            f"npm could not fetch the local chain into {folder} ({last[:200]}): check the network "
            f"or npm's registry, {_WITHOUT}"
        )
