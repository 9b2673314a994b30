"""Allora's REST gateway (emissions v9 or v10), and its consumer service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Final, TypeAlias

from aiohttp import web

from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.references.allora_chain import (
    BLOCK_NS,
    CHAIN,
    FORECASTERS,
    INFERERS,
    SUBMISSION_BLOCKS,
    AlloraChain,
    Prediction,
    block_time,
    decimal18,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.signals import ForecastTopic
from underround.model.units import Nanos
from underround.venues.ethereum import keccak

_INVALID: Final = 3
_NOT_FOUND: Final = 5
_UNIMPLEMENTED: Final = 12
_KEY: Final = "UP-"
"""How every key of the service begins; here each one that does is good."""
_REPUTER: Final = "allo1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqas6usy"


_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


class _Refused(Exception):
    def __init__(self, code: int, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = _error(code, status, message)


class AlloraRest:
    """The node's gateway and the service, which share a host here."""

    def __init__(self, chain: AlloraChain) -> None:
        """Answer about ``chain``."""
        self._chain = chain

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        latest, past = "latest_network_inferences", "network_inferences/{topic}/last_inference"
        spoken: dict[str, Callable[[web.Request], web.Response]] = {
            "params": lambda _request: json_answer({"params": {"version": "0.17.0"}}),
            f"{latest}/{{topic}}": self._latest,
            f"{latest}_outlier_resistant/{{topic}}": self._latest,
            f"{past}/{{block}}": self._past,
            f"{past}_outlier_resistant/{{block}}": self._past,
            "topics/{topic}": self._topic,
            "is_topic_active/{topic}": self._active,
            "topic_exists/{topic}": self._exists,
            "next_topic_id": self._next,
            "{rest:.*}": _unknown,
        }
        blocks = "/cosmos/base/tendermint/v1beta1/blocks/{height}"
        return [
            *(web.get(f"/emissions/{{version}}/{name}", self._gate(answer))
              for name, answer in spoken.items()),
            web.get(blocks, self._gate(self._block)),
            web.get("/v2/allora/consumer/ethereum-11155111", self._consumed),
            web.get("/v2/allora/{chain}/topics", self._listed),
        ]  # fmt: skip

    # --- the gateway ---------------------------------------------------------------------------

    def _gate(self, answer: Callable[[web.Request], web.Response]) -> _Handler:
        """Refuse what this chain does not speak, and what makes no sense, in the node's words."""

        async def handle(request: web.Request) -> web.Response:
            version = request.match_info.get("version", self._chain.version)
            try:
                return answer(request) if version == self._chain.version else _unknown(request)
            except _Refused as refused:
                return refused.answer

        return handle

    def _latest(self, request: web.Request) -> web.Response:
        topic = self._asked(request).id
        nonce = self._chain.newest_nonce(topic, self._chain.height(now_of(request)))
        return self._inference(topic, nonce)

    def _past(self, request: web.Request) -> web.Response:
        return self._inference(self._asked(request).id, _number(request, "block"))

    def _asked(self, request: web.Request) -> ForecastTopic:
        topic = _number(request, "topic")
        if topic not in self._chain.topics:
            raise _Refused(_NOT_FOUND, 404, f"topic {topic} not found")
        return self._chain.topics[topic]

    def _inference(self, topic: int, nonce: int) -> web.Response:
        found = self._chain.prediction(topic, nonce)
        if found is None:
            raise _Refused(_NOT_FOUND, 404, "no network inferences found")
        bundle = bundle_v9(found) if self._chain.version == "v9" else bundle_v10(found)
        return json_answer({"network_inferences": bundle, "inference_block_height": str(nonce)})

    def _topic(self, request: web.Request) -> web.Response:
        topic = self._asked(request)
        body = {
            "id": str(topic.id),
            "creator": _REPUTER,
            "metadata": topic.metadata,
            "loss_method": _loss_method(topic),
            "epoch_length": str(topic.epoch_blocks),
            "ground_truth_lag": str(_lag(topic)),
            "worker_submission_window": str(SUBMISSION_BLOCKS),
            "allow_negative": topic.kind == "log_return",
        }
        return json_answer({"topic": body, "weight": "1", "effective_revenue": "1"})

    def _active(self, request: web.Request) -> web.Response:
        return json_answer({"is_active": self._chain.active(_number(request, "topic"))})

    def _exists(self, request: web.Request) -> web.Response:
        return json_answer({"exists": _number(request, "topic") in self._chain.topics})

    def _next(self, _request: web.Request) -> web.Response:
        return json_answer({"next_topic_id": str(max(self._chain.topics) + 1)})

    def _block(self, request: web.Request) -> web.Response:
        newest = self._chain.height(now_of(request))
        told = request.match_info["height"]
        height = newest if told == "latest" else _number(request, "height")
        if height > newest:
            said = "requested block height is bigger then the chain length"
            raise _Refused(_INVALID, 400, said)
        return json_answer({"block_id": {"hash": ""}, "block": {"header": self.header(height)}})

    def header(self, height: int) -> dict[str, str]:
        """Return a block's header."""
        return {
            "chain_id": CHAIN,
            "height": str(height),
            "time": block_time(self._chain.time_of(height)),
        }

    # --- the consumer service ------------------------------------------------------------------

    async def _consumed(self, request: web.Request) -> web.Response:
        if not request.headers.get("x-api-key", "").startswith(_KEY):
            return _service(None, 401, "No active API user found")
        text = request.query.get("allora_topic_id", "")
        topic = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
        found = None
        if topic in self._chain.topics:
            nonce = self._chain.newest_nonce(topic, self._chain.height(now_of(request)))
            found = self._chain.prediction(topic, nonce)
        if found is None:
            return _service(None, 404, "no inference found")
        return _service(_signed(found, self._chain.time_of(found.nonce)), 200)

    async def _listed(self, request: web.Request) -> web.Response:
        if not request.headers.get("x-api-key", "").startswith(_KEY):
            return _service(None, 401, "No active API user found")
        updated = block_time(self._chain.time_of(self._chain.height(now_of(request))))
        rows = [
            {
                "topic_id": topic.id,
                "topic_name": topic.metadata,
                "description": None,
                "epoch_length": topic.epoch_blocks,
                "ground_truth_lag": _lag(topic),
                "loss_method": _loss_method(topic),
                "worker_submission_window": SUBMISSION_BLOCKS,
                "worker_count": INFERERS + FORECASTERS,
                "reputer_count": 1,
                "total_staked_allo": 0,
                "total_emissions_allo": 0,
                "is_active": self._chain.active(topic.id),
                "updated_at": updated,
            }
            for topic in self._chain.topics.values()
            if request.match_info["chain"] == CHAIN
        ]
        return _service({"topics": rows, "continuation_token": None}, 200)


def _signed(found: Prediction, at: Nanos) -> dict[str, object]:
    """Return a value as the service signs it; the signature here is a mere digest."""
    unsigned = found.combined % (1 << 256)
    data = {
        "network_inference": str(unsigned),
        "network_inference_normalized": decimal18(found.combined),
        "confidence_interval_percentiles": None,
        "confidence_interval_percentiles_normalized": None,
        "confidence_interval_values": None,
        "confidence_interval_values_normalized": None,
        "topic_id": str(found.topic),
        "timestamp": at // NANOS_PER_SECOND,
        "extra_data": "",
    }
    signature = "0x" + keccak(f"{found.topic} {unsigned}".encode()).hex()
    return {"signature": signature, "token_decimals": 18, "inference_data": data}


def _loss_method(topic: ForecastTopic) -> str:
    return "mse" if topic.kind == "price" else "czar"


def _lag(topic: ForecastTopic) -> int:
    return max(topic.epoch_blocks, topic.horizon_s * NANOS_PER_SECOND // BLOCK_NS)


def _unknown(_request: web.Request) -> web.Response:
    return _error(_UNIMPLEMENTED, 501, "Not Implemented")


def bundle_v9(found: Prediction) -> dict[str, object]:
    """Return a prediction as v9 states it."""
    others = _rows(found.without())
    return {
        "topic_id": str(found.topic),
        "reputer_request_nonce": {"reputer_nonce": {"block_height": str(found.nonce)}},
        "reputer": _REPUTER,
        "extra_data": None,
        "combined_value": decimal18(found.combined),
        "inferer_values": _rows(found.inferers),
        "forecaster_values": _rows(found.forecasters),
        "naive_value": decimal18(found.naive),
        "one_out_inferer_values": others[: len(found.inferers)],
        "one_out_forecaster_values": others[len(found.inferers) :],
        "one_in_forecaster_values": _rows(found.joined_by()),
        "one_out_inferer_forecaster_values": [
            {
                "forecaster": forecaster,
                "one_out_inferer_values": _rows((worker, value) for worker, _ in found.inferers),
            }
            for forecaster, value in found.forecasters
        ],
    }


def _rows(values: Iterable[tuple[str, int]]) -> list[dict[str, str]]:
    return [{"worker": worker, "value": decimal18(value)} for worker, value in values]


def bundle_v10(found: Prediction) -> dict[str, object]:
    """Return a prediction as v10 states it: every value with its label."""

    def labelled(value: int) -> list[dict[str, object]]:
        return [{"label_id": 1, "label_name": "y", "value": decimal18(value)}]

    return {
        "topic_id": str(found.topic),
        "nonce": str(found.nonce),
        "combined_value": labelled(found.combined),
        "inferer_values": [
            {"worker": worker, "values": labelled(value)} for worker, value in found.inferers
        ],
        "forecaster_values": [
            {"worker": worker, "values": labelled(value)} for worker, value in found.forecasters
        ],
        "naive_value": labelled(found.naive),
        "one_out_inferer_values": [
            {"withheld_inferer": worker, "combined_inference": labelled(value)}
            for worker, value in islice(found.without(), len(found.inferers))
        ],
        "one_out_forecaster_values": [],
        "one_in_forecaster_values": [],
        "one_out_inferer_forecaster_values": [],
    }


def _number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise _Refused(_INVALID, 400, f"type mismatch, parameter: {name}")
    return int(text)


def _error(code: int, status: int, message: str) -> web.Response:
    return json_answer({"code": code, "message": message, "details": []}, status)


def _service(data: object, status: int, message: str = "") -> web.Response:
    body: dict[str, object] = {"request_id": "local", "status": status == 200}
    if message:
        body["apiResponseMessage"] = message
    return json_answer(body | {"data": data}, status)
