"""Allora's event stream: JSON-RPC subscriptions over the node's WebSocket, ``/websocket``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from underround.local_venue.faults import Stream
from underround.local_venue.net.peers import Peer
from underround.local_venue.references.allora_chain import (
    BLOCK_NS,
    SUBMISSION_BLOCKS,
    AlloraChain,
    Prediction,
    decimal18,
)
from underround.local_venue.references.allora_rest import AlloraRest, bundle_v9
from underround.local_venue.world import World
from underround.model.units import Nanos

_TOPIC: Final = re.compile(
    r"tm\.event='NewBlockEvents' AND emissions\.(?P<version>v\d+)\.\w+\.topic_id "
    r"CONTAINS '(?P<topic>\d{1,9})'"
)
_HEADERS: Final = "tm.event='NewBlockHeader'"
_MOST_SUBSCRIPTIONS: Final = 5
_encode: Final = msgspec.json.encode


class _Query(msgspec.Struct):
    query: str = ""


class _Request(msgspec.Struct):
    method: str
    id: int | str
    params: _Query = msgspec.field(default_factory=_Query)


_request: Final = msgspec.json.Decoder(_Request).decode


class EventPeer(Peer):
    """A client of the node."""

    def __init__(self, events: ChainEvents) -> None:
        """Begin without subscriptions."""
        self._events = events
        self.queries: dict[str, int | str] = {}

    def opened(self) -> None:
        """Join."""
        self._events.joined(self)

    def gone(self) -> None:
        """Leave."""
        self._events.peers.pop(self, None)

    def heard(self, payload: bytes) -> None:
        """Subscribe or unsubscribe."""
        try:
            request = _request(payload)
        except (ValueError, RecursionError):
            self._refuse(-1, -32700, "Parse error. Invalid JSON")
            return
        query = request.params.query
        if request.method == "subscribe" and query in self.queries:
            self._refuse(request.id, -32603, "already subscribed")
        elif request.method == "subscribe" and len(self.queries) >= _MOST_SUBSCRIPTIONS:
            most = f"max_subscriptions_per_client {_MOST_SUBSCRIPTIONS} reached"
            self._refuse(request.id, -32603, most)
        elif request.method == "subscribe" and (query == _HEADERS or _TOPIC.fullmatch(query)):
            self.queries[query] = request.id
            self._answer(request.id, {})
        elif request.method == "unsubscribe" and self.queries.pop(query, None) is not None:
            self._answer(request.id, {})
        elif request.method in {"subscribe", "unsubscribe"}:
            self._refuse(request.id, -32603, "failed to parse query")
        else:
            self._refuse(request.id, -32601, "Method not found")

    def _answer(self, number: int | str, result: object) -> None:
        self.answer(_encode({"jsonrpc": "2.0", "id": number, "result": result}))

    def _refuse(self, number: int | str, code: int, data: str) -> None:
        error = {"code": code, "message": "Internal error", "data": data}
        self.answer(_encode({"jsonrpc": "2.0", "id": number, "error": error}))

    def tell(self, query: str, kind: str, value: object) -> None:
        """Send an event of a subscription."""
        result = {"query": query, "data": {"type": f"tendermint/event/{kind}", "value": value}}
        self.send(_encode({"jsonrpc": "2.0", "id": self.queries[query], "result": result}))


class ChainEvents:
    """The door of ``/websocket``."""

    stream: Stream = "allora.ws"

    def __init__(self, world: World, chain: AlloraChain, rest: AlloraRest) -> None:
        """Tell the blocks of ``chain`` with the headers of ``rest``."""
        self._world = world
        self._chain = chain
        self._rest = rest
        self.peers: dict[EventPeer, None] = {}
        self._ticking = False

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer:
        """Let anybody in."""
        del path, headers
        return EventPeer(self)

    def joined(self, peer: EventPeer) -> None:
        """Count a client in; blocks are told while there is one."""
        self.peers[peer] = None
        if not self._ticking:
            self._ticking = True
            self._plan(self._chain.height(self._world.clock.now()) + 1)

    def _plan(self, height: int) -> None:
        self._world.agenda.plan(self._chain.time_of(height), self._block)

    def _block(self, at: Nanos) -> None:
        if not self.peers:
            self._ticking = False
            return
        height = self._chain.height(at + BLOCK_NS // 2)
        known: dict[int, Prediction | None] = {}
        for peer in tuple(self.peers):
            for query in tuple(peer.queries):
                if query == _HEADERS:
                    peer.tell(query, "NewBlockHeader", {"header": self._rest.header(height)})
                else:
                    self._tell_inferences(peer, query, height, known)
        self._plan(height + 1)

    def _tell_inferences(
        self, peer: EventPeer, query: str, height: int, known: dict[int, Prediction | None]
    ) -> None:
        """Tell the inferences of this block that fit: a subscription to 13 also brings 113."""
        asked = _TOPIC.fullmatch(query)
        if asked is None or asked["version"] != self._chain.version:
            return
        events = []
        nonce = height - SUBMISSION_BLOCKS
        for topic in self._chain.topics:
            if asked["topic"] not in str(topic):
                continue
            if topic not in known:
                known[topic] = self._chain.prediction(topic, nonce)
            found = known[topic]
            if found is not None:
                events += self._events(found)
        if events:
            value = {"height": str(height), "events": events, "num_txs": "0"}
            peer.tell(query, "NewBlockEvents", value)

    def _events(self, found: Prediction) -> list[dict[str, object]]:
        if self._chain.version == "v9":
            attributes = {
                "block_height": _quoted(str(found.nonce)),
                "topic_id": _quoted(str(found.topic)),
                "value_bundle": _encode(bundle_v9(found)).decode(),
                "mode": "EndBlock",
            }
            return [_event("emissions.v9.EventNetworkInferences", attributes)]
        return [
            _event("emissions.v10.EventNetworkInferenceBundle", _attributes_v10(found, damped))
            for damped in (False, True)
        ]


def _attributes_v10(found: Prediction, damped: bool) -> dict[str, str]:
    inferers, forecasters = found.inferers, found.forecasters
    return {
        "topic_id": _quoted(str(found.topic)),
        "nonce": _quoted(str(found.nonce)),
        "label_names": _text(["y"]),
        "inferer_addresses": _text([worker for worker, _ in inferers]),
        "forecaster_addresses": _text([worker for worker, _ in forecasters]),
        "combined_value": _text([decimal18(found.combined)]),
        "naive_value": _text([decimal18(found.naive)]),
        "inferer_values": _text([[decimal18(value)] for _, value in inferers]),
        "forecaster_values": _text([[decimal18(value)] for _, value in forecasters]),
        "outlier_resistant": "true" if damped else "false",
        "mode": "EndBlock",
    }


def _event(kind: str, attributes: Mapping[str, str]) -> dict[str, object]:
    rows = [{"key": key, "value": value, "index": True} for key, value in attributes.items()]
    return {"type": kind, "attributes": rows}


def _text(value: object) -> str:
    return _encode(value).decode()


def _quoted(text: str) -> str:
    return f'"{text}"'
