"""Polymarket's two official Python SDKs, unmodified, trade at the local venue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_venue.judges import SDKS, Case, Court, Sdk, court
from underround.local_venue.faults import Skew
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import find_scene, read_scene

QUIET: Scene = read_scene(find_scene("quiet"))
both = pytest.mark.parametrize("sdk", SDKS)
STRANGER = "0x" + "5a" * 32
REFUSAL = {"py-clob-client-v2": "PolyApiException", "polymarket-client": "RequestRejectedError"}


@pytest.fixture(scope="module", name="held")
def _held() -> Iterator[Court]:
    with court() as opened:
        yield opened


@both
def test_keys_are_derived_and_made_and_whoever_has_none_is_refused(held: Court, sdk: Sdk) -> None:
    async def flow(case: Case) -> None:
        alice, bob = case.person("alice"), case.person("bob")
        told = await case.open("alice")
        assert (told["api_key"], told["api_secret"]) == (alice.api_key, alice.api_secret)
        assert told["api_passphrase"] == alice.api_passphrase
        stranger = {"key": STRANGER, "kind": "POLY_1271", "wallet": None}
        if sdk == "py-clob-client-v2":
            stranger["wallet"] = alice.maker
        made = await case.ask("open", who="stranger", **stranger)
        again = await case.ask("open", who="stranger", **stranger)
        assert made == again
        assert made["api_key"] != alice.api_key
        wrong = {
            "secret": ("alice", alice.private_key, {"api_secret": bob.api_secret}),
            "passphrase": ("alice", alice.private_key, {"api_passphrase": bob.api_passphrase}),
            "key": ("alice", alice.private_key, {"api_key": bob.api_key}),
            "owner": ("bob", bob.private_key, {}),
        }
        own = {name: told[name] for name in ("api_key", "api_secret", "api_passphrase")}
        for who, key, changed in wrong.values():
            mixed = {
                "who": f"not {who}",
                "key": key,
                "kind": "POLY_1271",
                "wallet": case.person(who).maker,
                "credentials": own | changed,
            }
            await unauthorized(case, mixed)
        case.world.faults.set(Skew(ms=120_000), case.world.act())
        await unauthorized(case, {**stranger, "who": "late", "credentials": own})
        assert (await case.refused("balance", who="alice")).status == 401

    held.hold(sdk, QUIET, flow)


async def unauthorized(case: Case, asked: dict[str, object]) -> None:
    """Assert that these credentials open nothing; one SDK asks at once, the other does not."""
    if case.sdk == "py-clob-client-v2":
        await case.ask("open", **asked)
        refused = await case.refused("balance", who=asked["who"])
    else:
        refused = await case.refused("open", **asked)
    assert (refused.kind, refused.status) == (REFUSAL[case.sdk], 401)
    assert "Unauthorized/Invalid api key" in refused.text
