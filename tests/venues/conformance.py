"""What every venue has to prove, one class per capability.

A venue subclasses (``test_conformance_<venue>.py``) and says in fixtures what it is made of; the
sentences below are then true of it, or a test fails.  Nothing here knows a venue.
"""

from __future__ import annotations

import copy
import json
import pickle
import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import (
    AnswerRefused,
    Bug,
    FrameRefused,
    OutcomeUnknown,
    UnderroundError,
)
from underround.model.events import MarketNoticed
from underround.model.ids import MarketId, OutcomeId
from underround.venues.capabilities import Capabilities, Fact
from underround.venues.streams.dialect import Dialect, Session, Topic

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

NOW: Final = 1_790_000_000_000_000_000
HTML: Final = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"
GARBAGE: Final = (b"\xff\xfe\x00garbage", b'{"error":', b"[" * 100_000, b'{"error":' * 50_000)
ODD: Final[tuple[Any, ...]] = (
    None, True, -1, 1.5, 10**30, "", "x", "-1", "1e3", "NaN", "1_0", "٣", "9" * 5_000,
    "0." + "9" * 50, [], {}, [["0.1", "1"]], {"price": "0.5"}, "\ud7ff",
)  # fmt: skip
_DECIMAL: Final = re.compile(r"-?\d+\.\d+", re.ASCII)

Place = tuple[str | int, ...]
Say = Callable[[bytes], Any]


# --- the same thing in other bytes, and other things -------------------------------------------


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Yield the path of everything inside a JSON value."""
    if not isinstance(value, dict | list):
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*here, key)
        yield from places(each, (*here, key))


def inside(value: Any, place: Place) -> Any:
    """Return what stands at ``place``."""
    for key in place:
        value = value[key]
    return value


def spoiled(value: Any, place: Place, instead: Any) -> Any:
    """Return a copy with something else at ``place``."""
    changed = deepcopy(value)
    inside(changed, place[:-1])[place[-1]] = instead
    return changed


def padded(frame: bytes) -> bytes:
    """Return the same message with zeros after every decimal that is written as text."""

    def turn(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turn(each) for key, each in value.items()}
        if isinstance(value, list):
            return [turn(each) for each in value]
        fits = isinstance(value, str) and _DECIMAL.fullmatch(value)
        return f"{value}00" if fits else value

    return json.dumps(turn(json.loads(frame))).encode()


def words_of(error: BaseException | None) -> str:
    """Return everything an error and what led to it say."""
    said = ""
    while error is not None:
        said += f"{error!r} {error} {error.args!r} "
        error = error.__cause__ or error.__context__
    return said


def outcome(say: Say, data: bytes, allowed: type[Exception] | tuple[type[Exception], ...]) -> Any:
    """Return what ``say`` returns, or the words of its permitted refusal; any other error fails."""
    try:
        return say(data)
    except allowed as error:
        return f"refused: {error}"


class _Reading:
    """Bytes → values, shared by frames and answers."""

    refusal: type[UnderroundError]

    def essence(self, value: Any) -> Any:
        """Return what a reading means, without texts that it carries on as they were written."""
        return value

    def check_rewording(self, say: Say, data: bytes, reworded: Mutate) -> None:
        meant = say(data)
        for seed in range(20):
            assert say(reworded(data, random.Random(seed))) == meant

    def check_padding(self, say: Say, data: bytes) -> None:
        assert say(padded(data)) == say(data)

    def check_truncation(self, say: Say, data: bytes) -> None:
        step = max(1, len(data) // 200)
        for end in range(1, len(data), step):
            with pytest.raises(self.refusal):
                say(data[:end])

    def check_garbage(self, say: Say) -> None:
        for data in (*GARBAGE, HTML, b"7", b'"x"', b"nul", b"{}x"):
            with pytest.raises(self.refusal, match=r"."):
                say(data)

    def check_retyping(self, say: Say, data: bytes, also: tuple[type[Exception], ...] = ()) -> None:
        value = json.loads(data)
        for place in places(value):
            for odd in ODD:
                changed = json.dumps(spoiled(value, place, odd)).encode()
                outcome(say, changed, (self.refusal, *also))


# --- frames ------------------------------------------------------------------------------------


class DecoderConformance(_Reading):
    """A codec of stream frames.  Give ``decoder`` (makes a new one) and ``frames``."""

    refusal: type[UnderroundError] = FrameRefused

    @pytest.fixture
    def decoder(self) -> Callable[[], Any]:
        raise NotImplementedError

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        """Return frames that mean something, one of each kind that is read."""
        raise NotImplementedError

    def events(self, decode: Say) -> Say:
        """Return ``decode`` with its answer in a form that can be compared and kept."""
        return lambda data: [self.essence(event) for event in decode(data)]

    def test_every_frame_tells_something(self, decoder: Any, frames: Sequence[bytes]) -> None:
        assert all(decoder().decode(frame) for frame in frames)

    def test_the_same_bytes_give_the_same_events(
        self, decoder: Any, frames: Sequence[bytes]
    ) -> None:
        """Whatever was decoded before: nothing is kept between two frames."""
        fresh = [list(decoder().decode(frame)) for frame in frames]
        used = decoder()
        for order in (frames, list(reversed(frames)), [*frames, *frames]):
            for frame in order:
                outcome(used.decode, frame[:-1], FrameRefused)
                assert list(used.decode(frame)) == fresh[list(frames).index(frame)]

    def test_order_space_and_unknown_fields_change_nothing(
        self, decoder: Any, frames: Sequence[bytes], reworded: Mutate
    ) -> None:
        for frame in frames:
            self.check_rewording(self.events(decoder().decode), frame, reworded)

    def test_trailing_zeros_change_nothing(self, decoder: Any, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.check_padding(self.events(decoder().decode), frame)

    def test_a_part_of_a_frame_is_refused(self, decoder: Any, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.check_truncation(decoder().decode, frame)

    def test_garbage_is_refused(self, decoder: Any) -> None:
        self.check_garbage(decoder().decode)

    def test_another_type_anywhere_is_refused_or_understood(
        self, decoder: Any, frames: Sequence[bytes]
    ) -> None:
        """No value of any field makes anything but ``FrameRefused`` come out."""
        for frame in frames:
            self.check_retyping(decoder().decode, frame)

    def test_broken_frames_raise_nothing_else(
        self, decoder: Any, frames: Sequence[bytes], mutate: Mutate, turns: int
    ) -> None:
        rng, used = random.Random(7), decoder()
        for _ in range(turns):
            outcome(used.decode, mutate(rng.choice(frames), rng), FrameRefused)


class MarketDecoderConformance(DecoderConformance):
    """A codec that is made from the catalogue; give ``stranger``, one made from an empty one."""

    @pytest.fixture
    def stranger(self) -> Any:
        raise NotImplementedError

    def test_a_market_outside_the_catalogue_is_never_tradable(
        self, stranger: Any, frames: Sequence[bytes]
    ) -> None:
        """It is noticed by its name, or refused; no event carries an id that can be traded."""
        for frame in frames:
            events = outcome(stranger.decode, frame, FrameRefused)
            for event in () if isinstance(events, str) else events:
                named = [getattr(event, name) for name in event.__struct_fields__]
                tradable = [each for each in named if isinstance(each, MarketId | OutcomeId)]
                assert isinstance(event, MarketNoticed) or not tradable, event


# --- answers -----------------------------------------------------------------------------------


class Answered(msgspec.Struct, frozen=True):
    """One function over bodies, with a body it understands."""

    name: str
    read: Callable[[bytes], Any]
    body: bytes
    also: tuple[type[Exception], ...] = ()
    """Errors of our tree that a changed body may mean besides ``AnswerRefused``."""


class AnswersConformance(_Reading):
    """REST bodies → values.  Give ``answered``."""

    refusal: type[UnderroundError] = AnswerRefused

    @pytest.fixture
    def answered(self) -> Sequence[Answered]:
        raise NotImplementedError

    def test_the_same_body_gives_the_same_value(self, answered: Sequence[Answered]) -> None:
        first = [each.read(each.body) for each in answered]
        assert [each.read(each.body) for each in reversed(answered)] == first[::-1]

    def test_order_space_and_unknown_fields_change_nothing(
        self, answered: Sequence[Answered], reworded: Mutate
    ) -> None:
        for each in answered:
            self.check_rewording(each.read, each.body, reworded)

    def test_trailing_zeros_change_nothing(self, answered: Sequence[Answered]) -> None:
        for each in answered:
            meant = self.essence(each.read(each.body))
            assert self.essence(each.read(padded(each.body))) == meant, each.name

    def test_a_part_of_a_body_is_refused(self, answered: Sequence[Answered]) -> None:
        for each in answered:
            if not each.also:
                self.check_truncation(each.read, each.body)

    def test_garbage_is_refused(self, answered: Sequence[Answered]) -> None:
        for each in answered:
            if not each.also:
                self.check_garbage(each.read)

    def test_another_type_anywhere_is_refused_or_understood(
        self, answered: Sequence[Answered]
    ) -> None:
        for each in answered:
            self.check_retyping(each.read, each.body, each.also)

    def test_broken_bodies_raise_nothing_else(
        self, answered: Sequence[Answered], mutate: Mutate, turns: int
    ) -> None:
        rng = random.Random(11)
        for _ in range(turns):
            each = rng.choice(answered)
            outcome(each.read, mutate(each.body, rng), (AnswerRefused, *each.also))


# --- refusals ----------------------------------------------------------------------------------


class Refuse(Protocol):
    """A venue's table of refusals."""

    def __call__(
        self, status: int, body: bytes, headers: Mapping[str, str], *, write: bool
    ) -> UnderroundError | None:
        """Return what the answer means; ``None``: it is no refusal."""


class RefusalsConformance:
    """Status and body → an error of our tree.  Give ``refuse`` and ``shapes``."""

    writes: bool = True
    """Whether anything can be changed at the venue."""
    passes_2xx: bool = True
    """Whether the table is asked about successes too; otherwise the client's tests show it."""
    secrets: Collection[str] = ()
    """What we send it and never show, in the form it has there."""
    lets_through: Collection[bytes] = ()
    """Shapes that are worth decoding under any status (JSON-RPC)."""

    @pytest.fixture
    def refuse(self) -> Refuse:
        raise NotImplementedError

    @pytest.fixture
    def shapes(self) -> Sequence[bytes]:
        """Return the error bodies the venue is known to send."""
        raise NotImplementedError

    def settled(self, status: int, body: bytes) -> bool:
        """Return whether the venue states, with a 5xx or 408, that nothing was done."""
        return False

    def bodies(self, shapes: Sequence[bytes]) -> Sequence[bytes]:
        lines = [{"error": "one\ntwo", "message": "one\ntwo"}, {"error": {"message": "one\ntwo"}}]
        return (b"", HTML, *GARBAGE, b"null", b"[]", b'"words"', b'{"error":{"code":[]}}',
                *(json.dumps(each).encode() for each in lines), *shapes)  # fmt: skip

    def test_every_status_with_every_body_is_an_error_of_our_tree(
        self, refuse: Refuse, shapes: Sequence[bytes]
    ) -> None:
        for status in range(400, 600):
            for body in self.bodies(shapes):
                for write in {False, self.writes}:
                    error = refuse(status, body, {}, write=write)
                    if error is None and body in self.lets_through:
                        continue
                    assert isinstance(error, UnderroundError), (status, body[:60])
                    assert not isinstance(error, Bug)
                    assert type(error) is not UnderroundError
                    assert 10 < len(str(error)) < 600, (status, body[:60])
                    assert "\n" not in str(error), (status, body[:60])

    def test_hostile_headers_raise_nothing(self, refuse: Refuse) -> None:
        for text in (
            "",
            "-1",
            "²",
            "٣",
            "1.5",
            "1e9",
            "9" * 5_000,
            "Fri, 20 Nov 2026 10:00:00 GMT",
        ):
            for status in (429, 418, 425, 503):
                assert refuse(status, b"", {"retry-after": text}, write=False) is not None

    def test_a_write_that_may_have_worked_is_unknown(
        self, refuse: Refuse, shapes: Sequence[bytes]
    ) -> None:
        """Unless the venue states in words that nothing was done."""
        if not self.writes:
            return
        for status in (408, *range(500, 600)):
            for body in self.bodies(shapes):
                error = refuse(status, body, {}, write=True)
                if not self.settled(status, body) and body not in self.lets_through:
                    assert isinstance(error, OutcomeUnknown), (status, body[:80], error)

    def test_a_read_is_never_unknown(self, refuse: Refuse, shapes: Sequence[bytes]) -> None:
        for status in range(400, 600):
            for body in self.bodies(shapes):
                error = refuse(status, body, {}, write=False)
                assert not isinstance(error, OutcomeUnknown), (status, body[:80])

    def test_secrets_are_not_repeated(self, refuse: Refuse) -> None:
        """A venue or a proxy may send back what we sent: key, signature, passphrase."""
        for secret in self.secrets:
            told = f"invalid key {secret}"
            bodies = [{"error": told}, {"error": {"code": "x", "message": told}}, {"message": told},
                      {"code": -1, "msg": told}, {"code": 16, "message": told}, told]  # fmt: skip
            for body in (*(json.dumps(each).encode() for each in bodies), told.encode()):
                for status in (400, 401, 403, 500):
                    headers = {"x-echo": secret, "www-authenticate": secret}
                    error = refuse(status, body, headers, write=self.writes)
                    assert secret not in words_of(error), (status, body)

    def test_a_success_is_no_refusal(self, refuse: Refuse) -> None:
        if self.passes_2xx:
            for status in (200, 201, 202, 204):
                assert refuse(status, b"{}", {}, write=self.writes) is None


# --- dialects ----------------------------------------------------------------------------------


class Proof(msgspec.Struct, frozen=True):
    """A frame and the topics that it proves."""

    frame: bytes
    topics: tuple[Topic, ...]


class DialectConformance:
    """How a channel is spoken.  Give ``dialect``, ``topics``, ``proofs`` and ``named``."""

    secrets: Collection[str] = ()
    unasked: bool = False
    """Whether everything comes without being asked for."""

    @pytest.fixture
    def dialect(self) -> Dialect:
        raise NotImplementedError

    @pytest.fixture
    def topics(self) -> Sequence[Topic]:
        raise NotImplementedError

    @pytest.fixture
    def proofs(self) -> Sequence[Proof]:
        """Return frames with what each proves, in an order that a venue could send."""
        raise NotImplementedError

    def named(self, frame: bytes) -> list[Topic]:
        """Return the topics that a frame of ours subscribes to."""
        raise NotImplementedError

    def granted(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        """Return what the venue answers to our first frames before it sends data."""
        return ()

    def opened(self, dialect: Dialect, topics: Sequence[Topic]) -> tuple[Session, list[bytes]]:
        """Return a session on ``topics`` and all frames it sent until the venue is satisfied."""
        session = dialect.session()
        sent = list(session.opening(topics))
        for answer in self.granted(sent):
            sent += session.hear(answer).send
        return session, sent

    def test_opening_names_every_topic_once(
        self, dialect: Dialect, topics: Sequence[Topic]
    ) -> None:
        _, sent = self.opened(dialect, topics)
        told = [topic for frame in sent for topic in self.named(frame)]
        assert sorted(told) == ([] if self.unasked else sorted(topics))

    def test_a_full_socket_is_opened_whole(self, dialect: Dialect, topics: Sequence[Topic]) -> None:
        """As many topics as the limits allow, each once, at a pace that fits the opening time."""
        limits = dialect.limits
        most = limits.topics_per_socket
        many = [*topics, *(f"{topics[0]}{number}" for number in range(most - len(topics)))]
        _, sent = self.opened(dialect, many[:most])
        told = [topic for frame in sent for topic in self.named(frame)]
        assert sorted(told) == ([] if self.unasked else sorted(many[:most]))
        assert len(sent) * 1_000 <= limits.sends_per_s * limits.open_ms

    def test_nothing_to_subscribe_to_sends_nothing(
        self, dialect: Dialect, topics: Sequence[Topic]
    ) -> None:
        session, _ = self.opened(dialect, topics)
        for ask in (session.subscribe, session.unsubscribe, session.refresh):
            assert not list(ask(()))

    def test_a_topic_is_added_and_dropped_by_frames_of_its_own(
        self, dialect: Dialect, topics: Sequence[Topic]
    ) -> None:
        session, _ = self.opened(dialect, topics[:-1] or topics)
        for change in (session.subscribe, session.unsubscribe):
            sent = list(change(topics[-1:]))
            for answer in self.granted(sent) if change == session.subscribe else ():
                session.hear(answer)
            assert bool(sent) != self.unasked

    def test_topics_prove_themselves(
        self, dialect: Dialect, topics: Sequence[Topic], proofs: Sequence[Proof]
    ) -> None:
        """Each frame proves what it should, all together prove everything."""
        session, _ = self.opened(dialect, topics)
        proven: set[Topic] = set()
        for proof in proofs:
            session.hear(proof.frame)
            named = list(session.proven(proof.frame))
            assert sorted(named) == sorted(proof.topics), proof.frame
            proven.update(named)
        assert proven == set(topics)

    def test_no_part_of_a_state_proves_anything(
        self, dialect: Dialect, topics: Sequence[Topic], proofs: Sequence[Proof]
    ) -> None:
        if self.unasked:
            return
        session, _ = self.opened(dialect, topics)
        for proof in proofs:
            if proof.topics and len(proof.frame) > 20:
                for end in range(1, len(proof.frame)):
                    assert not list(session.proven(proof.frame[:end])), proof.frame[:end]

    def test_any_bytes_are_heard(
        self, dialect: Dialect, topics: Sequence[Topic], proofs: Sequence[Proof]
    ) -> None:
        """``hear`` and ``proven`` never raise, and what is proven was subscribed to."""
        session, _ = self.opened(dialect, topics)
        seeds = [proof.frame for proof in proofs]
        heads = [b'{"type":', b'{"stream":"', b'{"op":', b'{"id":', b'{"e":', b'["', b"{", b"PING"]

        @given(st.one_of(st.binary(max_size=200), st.sampled_from(seeds)), st.sampled_from(heads))
        def holds(tail: bytes, head: bytes) -> None:
            for payload in (tail, head + tail, head + tail + b"}"):
                heard = session.hear(payload)
                assert heard.kind in {"data", "control", "closing", "refused"}
                assert len(heard.detail) < 600
                assert set(session.proven(payload)) <= set(topics)

        holds()
        for payload in (*GARBAGE, HTML, b"{}", b"[]", b"null", b""):
            session.hear(payload)
            assert self.unasked or set(session.proven(payload)) <= set(topics)

    def test_broken_frames_are_heard(
        self,
        dialect: Dialect,
        topics: Sequence[Topic],
        proofs: Sequence[Proof],
        mutate: Mutate,
        turns: int,
    ) -> None:
        rng = random.Random(13)
        session, _ = self.opened(dialect, topics)
        frames = [proof.frame for proof in proofs if proof.frame[:1] in {b"{", b"["}]
        for _ in range(turns if frames else 0):
            payload = mutate(rng.choice(frames), rng)
            session.hear(payload)
            session.proven(payload)

    def test_there_is_a_keepalive_if_and_only_if_the_limits_say_so(self, dialect: Dialect) -> None:
        session = dialect.session()
        assert (session.keepalive() is not None) == (dialect.limits.keepalive_ms is not None)

    def test_sessions_share_nothing(
        self, dialect: Dialect, topics: Sequence[Topic], proofs: Sequence[Proof]
    ) -> None:
        """A second session says and understands the same whatever the first one went through."""
        first, sent = self.opened(dialect, topics)
        for proof in proofs:
            first.hear(proof.frame)
            first.proven(proof.frame)
        first.unsubscribe(topics)
        second, again = self.opened(dialect, topics)
        assert again == sent
        for proof in proofs:
            second.hear(proof.frame)
            assert sorted(second.proven(proof.frame)) == sorted(proof.topics)

    def test_credentials_are_not_shown(self, dialect: Dialect, topics: Sequence[Topic]) -> None:
        session, _ = self.opened(dialect, topics)
        handshake = dialect.handshake(topics, NOW)
        shown = f"{dialect!r} {dialect} {session!r} {session} {handshake.url} {dialect.stream}"
        for secret in self.secrets:
            assert secret not in shown

    def test_the_limits_can_be_kept(self, dialect: Dialect) -> None:
        limits = dialect.limits
        assert limits.topics_per_socket >= 1
        assert limits.sends_per_s >= 1
        assert 1_000 <= limits.open_ms <= 120_000
        assert 1_000 <= limits.silence_ms <= 86_400_000
        assert limits.max_age_ms is None or limits.max_age_ms > limits.open_ms
        if limits.keepalive_ms is not None:
            assert 1_000 <= limits.keepalive_ms <= 60_000

    def test_the_stream_is_named_after_its_venue(self, dialect: Dialect) -> None:
        assert re.fullmatch(r"[a-z]+\.[a-z0-9-]+", dialect.stream)
        assert dialect.handshake((), NOW).url.startswith(("ws://", "wss://"))


# --- signers -----------------------------------------------------------------------------------


class SignerConformance:
    """Whatever holds a secret.  Give ``signer`` (makes one), ``sign`` and ``verify``."""

    secrets: Collection[str] = ()
    deterministic: bool = True

    @pytest.fixture
    def signer(self) -> Callable[[], Any]:
        raise NotImplementedError

    def sign(self, signer: Any) -> Any:
        """Return what the signer makes of something fixed at ``NOW``."""
        raise NotImplementedError

    def verify(self, signer: Any, signed: Any) -> bool:
        """Return whether the public part of the key agrees."""
        raise NotImplementedError

    def broken(self) -> Iterator[Callable[[], Any]]:
        """Yield makers that must be refused, with secrets in what they are made of."""
        yield from ()

    def test_nothing_shown_holds_the_secret(self, signer: Callable[[], Any]) -> None:
        held = signer()
        for shown in (
            repr(held),
            str(held),
            f"{held}",
            f"{held!s:>9}",
            f"{[held]}",
            f"{(held,)!r}",
        ):
            for secret in self.secrets:
                assert secret not in shown

    def test_it_is_neither_pickled_nor_copied(self, signer: Callable[[], Any]) -> None:
        held = signer()
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps(held, protocol)
        for duplicate in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                duplicate(held)

    def test_the_same_time_gives_the_same_signature(self, signer: Callable[[], Any]) -> None:
        """Where the scheme is deterministic; elsewhere two signatures differ and both hold."""
        first, second = self.sign(signer()), self.sign(signer())
        assert (first == second) == self.deterministic

    def test_the_signature_holds(self, signer: Callable[[], Any]) -> None:
        held = signer()
        assert self.verify(held, self.sign(held))

    def test_a_refusal_does_not_show_the_secret(self) -> None:
        for make in self.broken():
            with pytest.raises(UnderroundError) as caught:
                make()
            for secret in self.secrets:
                assert secret not in words_of(caught.value)


# --- capabilities ------------------------------------------------------------------------------

ALWAYS: Final = {"__init__.py", "capabilities.py"}


class CapabilityConformance:
    """The table of a venue and its folder.  Give ``table`` and ``folder``."""

    table: Capabilities
    folder: Path

    def facts(self) -> dict[str, Fact[Any]]:
        return {
            name: value
            for name in self.table.__struct_fields__
            if isinstance(value := getattr(self.table, name), Fact)
        }

    def test_every_fact_has_a_source(self) -> None:
        for name, fact in self.facts().items():
            assert len(fact.source) > 10, name
            assert "\n" not in fact.source, name
            assert "TODO" not in fact.source, name

    def test_the_folder_is_named_after_the_venue(self) -> None:
        assert self.folder.name == self.table.venue

    def test_the_folder_holds_what_the_table_requires(self) -> None:
        """The same file names in every folder, and none of them without a reason."""
        there = {path.name for path in self.folder.glob("*.py")}
        wanted = ALWAYS | self.table.files()
        assert wanted <= there, sorted(wanted - there)
        known = {"codec.py", "wire.py", "answers.py", "refusals.py", "sign.py", "rest.py",
                 "stream.py", "hosts.py", "limits.py"}  # fmt: skip
        assert (there & known) <= wanted | {"wire.py", "limits.py"}, sorted(there & known - wanted)

    def test_what_does_not_trade_claims_no_order(self) -> None:
        table = self.table
        if not table.trades.value:
            assert not table.tifs.value
            assert not {"place", "place_batch", "cancel", "amend"} & set(table.writes.value)
            assert not table.order_id_known.value
            assert not table.post_only.value

    def test_the_table_survives_a_round_trip(self) -> None:
        """It is data: another program reads the same."""
        encoded = msgspec.json.encode(self.table)
        assert msgspec.json.encode(msgspec.json.decode(encoded, type=Capabilities)) == encoded
