"""What becomes of a transaction, for every order in which a chain can tell it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.venues.polygon.answers import Receipt
from underround.venues.polygon.fees import Fees
from underround.venues.polygon.quantities import Address, Hash, Quantity
from underround.venues.polygon.sign import Call
from underround.venues.polygon.transactions import (
    ENDED,
    Attempt,
    AttemptKind,
    Route,
    Sight,
    Transaction,
    next_step,
    observe,
)

ME = Address("0x" + "aa" * 20)
HASHES = [Hash(f"0x{number:064x}") for number in range(1, 4)]


def transaction(
    attempts: int = 1, kind: AttemptKind = "call", route: Route = "public", sent_at: int = 10
) -> Transaction:
    made = tuple(
        Attempt(HASHES[place], b"%d" % place, Fees(1, 1), "call", route, sent_at)
        for place in range(attempts)
    )
    last = msgspec.structs.replace(made[-1], kind=kind)
    return Transaction(
        sender=ME,
        nonce=5,
        call=Call(ME),
        gas=21_000,
        profile="normal",
        attempts=(*made[:-1], last),
        state="pending",
    )


def receipt(name: Hash, block: int, status: int = 1) -> Receipt:
    return Receipt(
        name,
        Hash("0x" + "bb" * 32),
        Quantity(block),
        Quantity(status),
        Quantity(7),
        Quantity(3),
        (),
    )


def sight(
    head: int,
    *,
    landed: Receipt | None = None,
    known: frozenset[Hash] | None = None,
    used: int = 0,
) -> Sight:
    known = frozenset(HASHES) if known is None else known
    return Sight(head, head - 2, used, landed, known)


def test_whichever_attempt_is_mined_is_the_one() -> None:
    seen = observe(transaction(3), sight(20, landed=receipt(HASHES[1], 18)))
    assert (seen.state, seen.landed, seen.block, seen.cost) == ("final", HASHES[1], 18, 21)


@pytest.mark.parametrize(
    "kind, status, state",
    [("call", 1, "final"), ("call", 0, "reverted"), ("cancel", 1, "cancelled")],
)
def test_an_end_is_told_only_of_a_final_block(kind: AttemptKind, status: int, state: str) -> None:
    told = receipt(HASHES[0], 19, status)
    mined = observe(transaction(kind=kind), sight(20, landed=told))
    assert mined.state == "mined"
    assert observe(mined, sight(21, landed=told)).state == state


def test_a_used_nonce_without_a_receipt_is_believed_only_when_final() -> None:
    gone = sight(20, known=frozenset(), used=5)
    assert observe(transaction(), gone).state == "unknown"
    lost = observe(transaction(), msgspec.structs.replace(gone, used_final=6))
    assert lost.state == "superseded"


def test_a_block_that_is_undone_takes_its_receipt_along() -> None:
    mined = observe(transaction(), sight(20, landed=receipt(HASHES[0], 20)))
    back = observe(mined, sight(21))
    assert (back.state, back.block, back.landed, back.cost) == ("pending", None, None, None)
    assert "undone" in back.note
    nowhere = observe(mined, sight(21, known=frozenset()))
    assert nowhere.state == "unknown"


@pytest.mark.parametrize(
    "head, known, step",
    [
        (10, HASHES, "wait"),
        (12, HASHES, "wait"),
        (13, HASHES, "replace"),
        (10, [], "wait"),
        (11, [], "resend"),
        (13, [], "replace"),
    ],
)
def test_what_is_due_depends_on_blocks_only(head: int, known: list[Hash], step: str) -> None:
    told = sight(head, known=frozenset(known))
    assert next_step(observe(transaction(), told), told, patience=3, public_after=9) == step


@pytest.mark.parametrize("head, step", [(10, "wait"), (14, "wait"), (15, "publish")])
def test_what_is_private_is_not_missed_by_public_nodes(head: int, step: str) -> None:
    told = sight(head, known=frozenset())
    seen = observe(transaction(route="private"), told)
    assert seen.state == "pending"
    assert next_step(seen, told, patience=3, public_after=5) == step


SIGHTS = st.builds(
    lambda head, place, back, status, known, used: Sight(
        head,
        head - 2,
        used,
        None if place is None else receipt(HASHES[place], max(head - back, 0), status),
        frozenset(HASHES[:known]),
    ),
    head=st.integers(10, 40),
    place=st.none() | st.integers(0, 2),
    back=st.integers(0, 5),
    status=st.integers(0, 1),
    known=st.integers(0, 3),
    used=st.integers(0, 7),
)


@given(st.lists(SIGHTS, max_size=12), st.sampled_from(["call", "cancel"]))
def test_an_end_is_for_good_and_nothing_is_due_after_it(
    sights: list[Sight], kind: AttemptKind
) -> None:
    now = transaction(3, kind)
    for told in sights:
        before, now = now, observe(now, told)
        assert (now.nonce, now.attempts) == (before.nonce, before.attempts)
        if before.state in ENDED:
            assert now == before
        step = next_step(now, told, patience=3, public_after=5)
        if now.state in ENDED or now.state == "mined":
            assert step == "wait"
        assert (now.landed is not None) == (now.block is not None)
        if now.landed is not None:
            assert now.landed in {attempt.hash for attempt in now.attempts}
        elif now.state in ENDED:
            assert now.state == "superseded"
