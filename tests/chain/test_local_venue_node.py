"""The node as a child process, and where its parts come from."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chain.venue_desk import tools
from underround.local_venue.chain import packages
from underround.local_venue.chain.node import CallFailed, Node, NodeTerms
from underround.local_venue.chain.packages import fetch_tools, find_tools
from underround.model.errors import ConfigError, Unreachable
from underround.operations.folders import Folders

SHIPPED = Path(packages.__file__).parent / "npm"
HERE = Path(__file__).parent
_STARTER = """
import asyncio, sys
from pathlib import Path
from underround.local_venue.chain.node import Node
async def main():
    node = Node(Path(sys.argv[1]))
    print(await node.start(), node._process.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def _children(process: int) -> list[int]:
    """Return the processes below a process."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_children(int(child))]
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by /proc")
def test_the_node_ends_with_us_even_when_we_are_killed() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(tools().anvil)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    try:
        _, keeper = program.stdout.readline().split()
        names = {
            Path(f"/proc/{child}/comm").read_text().strip(): child
            for child in _children(int(keeper))
        }
        handle = os.pidfd_open(names["anvil"])
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
        program.stdout.close()
    try:
        ended, _, _ = select.select([handle], [], [], 20)
        assert ended, "the node lives on"
    finally:
        os.close(handle)


def test_a_node_is_stopped_whole_and_answers_no_more() -> None:
    async def story() -> None:
        node = Node(tools().anvil)
        await node.start()
        assert await node.rpc("eth_chainId") == "0x89"
        with pytest.raises(CallFailed, match="eth_nothing"):
            await node.rpc("eth_nothing")
        keeper = node._process
        assert keeper is not None
        await node.stop()
        assert keeper.returncode is not None
        with pytest.raises(Unreachable, match="has stopped"):
            await node.rpc("eth_chainId")
        await node.stop()

    asyncio.run(story())


def test_the_first_block_is_of_the_venue_s_time_and_blocks_come_only_when_asked_for() -> None:
    async def story() -> None:
        node = Node(tools().anvil, NodeTerms(starts_s=1_700_000_000))
        await node.start()
        try:
            first = await node.rpc("eth_getBlockByNumber", "latest", False)
            assert int(first["timestamp"], 16) == 1_700_000_000
            assert await node.mine(1_700_000_100) == 1
        finally:
            await node.stop()

    asyncio.run(story())


@pytest.mark.parametrize("confirmations", [0, 1, 3])
def test_a_number_of_confirmations_the_node_cannot_have_is_refused(confirmations: int) -> None:
    with pytest.raises(ConfigError, match="an even number, at least 2"):
        NodeTerms(confirmations=confirmations)


def test_a_program_that_is_no_node_is_named_with_what_it_said() -> None:
    async def story() -> None:
        with pytest.raises(ConfigError, match=r"anvil: the node ended at its start \(.*\)"):
            await Node(Path("/bin/false")).start()

    asyncio.run(story())


# --- npm -----------------------------------------------------------------------------------------

_FAKE_NPM = """#!/bin/sh
echo "$@" >> calls
if [ "$1" = ci ]; then
    tokens=node_modules/@gnosis.pm/conditional-tokens-contracts/build/contracts
    mkdir -p $tokens
    echo '{"deployedBytecode": "0x6001"}' > $tokens/ConditionalTokens.json
fi
"""


def _machine(folder: Path, monkeypatch: pytest.MonkeyPatch, npm: str | None) -> Folders:
    """Make a machine on which nothing but ``npm`` is in the path."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("mkdir", "cat"):
        (programs / name).symlink_to(f"/bin/{name}")
    if npm is not None:
        for name, text in (("npm", npm), ("node", "#!/bin/sh\n")):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return Folders(folder / "state")


def test_the_packages_are_fetched_once_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_anvil = _FAKE_NPM + (
        "mkdir -p node_modules/@foundry-rs/anvil-linux-amd64/bin; "
        "echo > node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil\n"
    )
    folders = _machine(tmp_path, monkeypatch, with_anvil)
    said: list[str] = []
    first = fetch_tools(folders, said.append)
    assert first.conditional_tokens == "0x6001"
    assert first.anvil.is_file()
    assert said == [
        f"fetching the local chain from npm into {folders.home / 'chain'} (once, about 30 MB)"
    ]
    assert fetch_tools(folders, said.append) == first
    calls = (folders.home / "chain/calls").read_text().splitlines()
    assert [call.split()[:2] for call in calls] == [["ci", "--ignore-scripts"]]
    assert len(said) == 1
    # Another lock file is another fetch.
    (folders.home / "chain/.fetched").write_text("older")
    fetch_tools(folders, said.append)
    assert len(said) == 2


def test_without_node_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = _machine(tmp_path, monkeypatch, None)
    with pytest.raises(ConfigError, match="--chain needs node and npm, and they are not installed"):
        fetch_tools(folders, lambda _: None)
    assert not folders.home.exists()


def test_what_npm_says_is_passed_on_when_it_cannot_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = _machine(tmp_path, monkeypatch, "#!/bin/sh\necho 'npm error E404' >&2\nexit 1\n")
    with pytest.raises(ConfigError, match=r"npm could not fetch .* \(npm error E404\)"):
        fetch_tools(folders, lambda _: None)


def test_on_a_machine_npm_has_no_node_for_one_of_ones_own_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = _machine(tmp_path, monkeypatch, _FAKE_NPM)
    with pytest.raises(ConfigError, match=r"npm has no anvil for .*: install Foundry"):
        fetch_tools(folders, lambda _: None)
    version = json.loads((SHIPPED / "package.json").read_text())["optionalDependencies"]
    calls = (folders.home / "chain/calls").read_text().splitlines()
    assert calls[1].startswith("install --no-save --no-package-lock @foundry-rs/anvil-")
    assert f"@{version['@foundry-rs/anvil-linux-amd64']} " in calls[1]
    # One in the path serves.
    own = tmp_path / "bin/anvil"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert fetch_tools(folders, lambda _: None).anvil == own


def test_nothing_is_found_where_nothing_was_fetched(tmp_path: Path) -> None:
    assert find_tools(tmp_path) is None


def test_what_is_shipped_is_what_the_tests_run_by_version_and_hash() -> None:
    shipped = json.loads((SHIPPED / "package-lock.json").read_text())["packages"]
    tested = json.loads((HERE / "package-lock.json").read_text())["packages"]
    for name, entry in shipped.items():
        if name:
            assert entry["version"] == tested[name]["version"], name
            assert entry["integrity"] == tested[name]["integrity"], name
    text = (SHIPPED / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "registry" not in text
    named = json.loads((SHIPPED / "package.json").read_text())
    versions = {**named["dependencies"], **named["optionalDependencies"]}
    assert all(version[0].isdigit() for version in versions.values())
