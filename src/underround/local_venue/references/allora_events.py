"""Allora's event stream: JSON-RPC subscriptions over the node's WebSocket, ``/websocket``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

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
    r"tm\.event='NewBlockEvents' AND (?P<event>emissions\.v\d+\.\w+)\.topic_id "
    r"CONTAINS '(?P<topic>\d{1,9})'"
)
_HEADERS: Final = "tm.event='NewBlockHeader'"
_MOST_SUBSCRIPTIONS: Final = 5
_PARSE_ERROR: Final = -32700
_NO_METHOD: Final = -32601
_INTERNAL: Final = -32603
_MESSAGES: Final = {
    _PARSE_ERROR: "Parse error. Invalid JSON",
    _NO_METHOD: "Method not found",
    _INTERNAL: "Internal error",
}
_encode: Final = msgspec.json.encode
_Event: TypeAlias = tuple[str, dict[str, str]]
"""Type and attributes."""


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
        """Carry out a request."""
        try:
            request = _request(payload)
        except (ValueError, RecursionError):
            self._refuse(-1, _PARSE_ERROR, "")
            return
        query = request.params.query
        if request.method == "subscribe":
            self._subscribe(request.id, query)
        elif request.method == "unsubscribe_all":
            self.queries.clear()
            self._tell(request.id, {})
        elif request.method != "unsubscribe":
            self._refuse(request.id, _NO_METHOD, "")
        elif self.queries.pop(query, None) is None:
            self._refuse(request.id, _INTERNAL, "subscription not found")
        else:
            self._tell(request.id, {})

    def _subscribe(self, number: int | str, query: str) -> None:
        if query in self.queries:
            self._refuse(number, _INTERNAL, "already subscribed")
        elif len(self.queries) >= _MOST_SUBSCRIPTIONS:
            most = f"max_subscriptions_per_client {_MOST_SUBSCRIPTIONS} reached"
            self._refuse(number, _INTERNAL, most)
        elif query != _HEADERS and _TOPIC.fullmatch(query) is None:
            self._refuse(number, _INTERNAL, "failed to parse query")
        else:
            self.queries[query] = number
            self._tell(number, {})

    def _tell(self, number: int | str, result: object) -> None:
        self.send(_encode({"jsonrpc": "2.0", "id": number, "result": result}))

    def _refuse(self, number: int | str, code: int, data: str) -> None:
        error = {"code": code, "message": _MESSAGES[code], "data": data}
        self.send(_encode({"jsonrpc": "2.0", "id": number, "error": error}))

    def tell(
        self, query: str, kind: str, value: object, flat: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Send what happened to a subscription; ``flat``: every attribute by its full name."""
        result = {
            "query": query,
            "data": {"type": f"tendermint/event/{kind}", "value": value},
            "events": {"tm.event": [kind], **(flat or {})},
        }
        self._tell(self.queries[query], result)


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
            self._plan(self._chain.height(self._world.time()) + 1)

    def _plan(self, height: int) -> None:
        self._world.agenda.plan(self._chain.time_of(height), self._block)

    def _block(self, at: Nanos) -> None:
        if not self.peers:
            self._ticking = False
            return
        height = self._chain.height(at + BLOCK_NS // 2)
        happened = self._happened(height)
        for peer in tuple(self.peers):
            for query in tuple(peer.queries):
                if query == _HEADERS:
                    peer.tell(query, "NewBlockHeader", {"header": self._rest.header(height)})
                elif _fits(query, happened):
                    value = {
                        "height": str(height),
                        "events": [_row(kind, attributes) for kind, attributes in happened],
                        "num_txs": "0",
                    }
                    peer.tell(query, "NewBlockEvents", value, _flat(happened))
        self._plan(height + 1)

    def _happened(self, height: int) -> list[_Event]:
        """Return a block's events: whoever asked for one of them is sent all, as by the node."""
        nonce = height - SUBMISSION_BLOCKS
        found = [self._chain.prediction(topic, nonce) for topic in self._chain.topics]
        version = self._chain.version
        events: list[_Event] = []
        for each in found:
            if each is not None:
                events += _told_v9(each) if version == "v9" else _told_v10(each)
                events.append((f"emissions.{version}.EventWorkerLastCommitSet", {
                    "block_height": _quoted(height),
                    "nonce": _text({"block_height": str(nonce)}),
                    "topic_id": _quoted(each.topic),
                    "mode": "EndBlock",
                }))  # fmt: skip
        return events


def _fits(query: str, happened: Sequence[_Event]) -> bool:
    """Whether a block has what is asked for: 113 contains 13 as well."""
    asked = _TOPIC.fullmatch(query)
    return asked is not None and any(
        kind == asked["event"] and asked["topic"] in attributes["topic_id"]
        for kind, attributes in happened
    )


def _told_v9(found: Prediction) -> list[_Event]:
    attributes = {
        "block_height": _quoted(found.nonce),
        "topic_id": _quoted(found.topic),
        "value_bundle": _text(bundle_v9(found)),
        "mode": "EndBlock",
    }
    return [("emissions.v9.EventNetworkInferences", attributes)]


def _told_v10(found: Prediction) -> list[_Event]:
    """Return the plain and the damped one; with workers that agree so well they are the same."""
    return [
        ("emissions.v10.EventNetworkInferenceBundle", _attributes_v10(found, damped))
        for damped in ("false", "true")
    ]


def _attributes_v10(found: Prediction, damped: str) -> dict[str, str]:
    inferers, forecasters = found.inferers, found.forecasters
    return {
        "topic_id": _quoted(found.topic),
        "nonce": _quoted(found.nonce),
        "label_names": _text(["y"]),
        "inferer_addresses": _text([worker for worker, _ in inferers]),
        "forecaster_addresses": _text([worker for worker, _ in forecasters]),
        "combined_value": _text([decimal18(found.combined)]),
        "naive_value": _text([decimal18(found.naive)]),
        "inferer_values": _text([[decimal18(value)] for _, value in inferers]),
        "forecaster_values": _text([[decimal18(value)] for _, value in forecasters]),
        "outlier_resistant": damped,
        "mode": "EndBlock",
    }


def _row(kind: str, attributes: Mapping[str, str]) -> dict[str, object]:
    rows = [{"key": key, "value": value, "index": True} for key, value in attributes.items()]
    return {"type": kind, "attributes": rows}


def _flat(happened: Sequence[_Event]) -> dict[str, list[str]]:
    flat: dict[str, list[str]] = {}
    for kind, attributes in happened:
        for key, value in attributes.items():
            flat.setdefault(f"{kind}.{key}", []).append(value)
    return flat


def _text(value: object) -> str:
    return _encode(value).decode()


def _quoted(number: int) -> str:
    return f'"{number}"'
