"""Allora's REST gateway (emissions v9 or v10), and its consumer service."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.references.allora_chain import (
    CHAIN,
    SUBMISSION_BLOCKS,
    AlloraChain,
    Prediction,
    block_time,
    decimal18,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.venues.ethereum import keccak

_UNIMPLEMENTED: Final = 12
_NOT_FOUND: Final = 5
_REPUTER: Final = "allo1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqas6usy"


class AlloraRest:
    """The node's gateway and the service, which share a host here."""

    def __init__(self, chain: AlloraChain) -> None:
        """Answer about ``chain``."""
        self._chain = chain

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        emissions = "/emissions/{version}"
        latest = f"{emissions}/latest_network_inferences"
        past = f"{emissions}/network_inferences/{{topic}}/last_inference"
        consumer = "/v2/allora/consumer/ethereum-11155111"
        return [
            web.get(f"{emissions}/params", self._params),
            web.get(f"{latest}/{{topic}}", self._latest),
            web.get(f"{latest}_outlier_resistant/{{topic}}", self._latest),
            web.get(f"{past}/{{block}}", self._past),
            web.get(f"{past}_outlier_resistant/{{block}}", self._past),
            web.get(f"{emissions}/topics/{{topic}}", self._topic),
            web.get(f"{emissions}/is_topic_active/{{topic}}", self._active),
            web.get(f"{emissions}/topic_exists/{{topic}}", self._exists),
            web.get(f"{emissions}/next_topic_id", self._next),
            web.get("/cosmos/base/tendermint/v1beta1/blocks/{height}", self._block),
            web.get(consumer, self._consumed),
            web.get("/v2/allora/{chain}/topics", self._listed),
            web.route("*", f"{emissions}/{{rest:.*}}", self._unknown),
        ]

    # --- the gateway ---------------------------------------------------------------------------

    async def _params(self, request: web.Request) -> web.Response:
        return self._spoken(request) or json_answer({"params": {"version": "0.17.0"}})

    async def _latest(self, request: web.Request) -> web.Response:
        if refused := self._spoken(request):
            return refused
        topic = _number(request, "topic")
        if topic not in self._chain.topics:
            return _error(_NOT_FOUND, 404, f"topic {topic} not found")
        nonce = self._chain.newest_nonce(topic, self._chain.height(now_of(request)))
        return self._inference(topic, nonce)

    async def _past(self, request: web.Request) -> web.Response:
        if refused := self._spoken(request):
            return refused
        return self._inference(_number(request, "topic"), _number(request, "block"))

    def _inference(self, topic: int, nonce: int) -> web.Response:
        found = self._chain.prediction(topic, nonce)
        if found is None:
            return _error(_NOT_FOUND, 404, "no network inferences found")
        bundle = bundle_v9(found) if self._chain.version == "v9" else bundle_v10(found)
        return json_answer({"network_inferences": bundle, "inference_block_height": str(nonce)})

    async def _topic(self, request: web.Request) -> web.Response:
        if refused := self._spoken(request):
            return refused
        topic = self._chain.topics.get(_number(request, "topic"))
        if topic is None:
            return _error(_NOT_FOUND, 404, "topic not found")
        body = {
            "id": str(topic.id),
            "creator": _REPUTER,
            "metadata": topic.metadata,
            "loss_method": "mse" if topic.kind == "price" else "czar",
            "epoch_length": str(topic.epoch_blocks),
            "ground_truth_lag": str(max(topic.epoch_blocks, topic.horizon_s // 5)),
            "worker_submission_window": str(SUBMISSION_BLOCKS),
            "allow_negative": topic.kind == "log_return",
        }
        return json_answer({"topic": body, "weight": "1", "effective_revenue": "1"})

    async def _active(self, request: web.Request) -> web.Response:
        active = self._chain.active(_number(request, "topic"))
        return self._spoken(request) or json_answer({"is_active": active})

    async def _exists(self, request: web.Request) -> web.Response:
        exists = _number(request, "topic") in self._chain.topics
        return self._spoken(request) or json_answer({"exists": exists})

    async def _next(self, request: web.Request) -> web.Response:
        following = str(max(self._chain.topics) + 1)
        return self._spoken(request) or json_answer({"next_topic_id": following})

    async def _block(self, request: web.Request) -> web.Response:
        newest = self._chain.height(now_of(request))
        told = request.match_info["height"]
        height = newest if told == "latest" else _number(request, "height")
        if height > newest:
            return _error(3, 400, "requested block height is bigger then the chain length")
        return json_answer({"block_id": {"hash": ""}, "block": {"header": self.header(height)}})

    def header(self, height: int) -> dict[str, str]:
        """Return a block's header."""
        return {
            "chain_id": CHAIN,
            "height": str(height),
            "time": block_time(self._chain.time_of(height)),
        }

    async def _unknown(self, request: web.Request) -> web.Response:
        return self._spoken(request) or _error(_UNIMPLEMENTED, 501, "Not Implemented")

    def _spoken(self, request: web.Request) -> web.Response | None:
        """Return the refusal of a version that this chain does not speak."""
        if request.match_info["version"] == self._chain.version:
            return None
        return _error(_UNIMPLEMENTED, 501, "Not Implemented")

    # --- the consumer service ------------------------------------------------------------------

    async def _consumed(self, request: web.Request) -> web.Response:
        if not request.headers.get("x-api-key"):
            return _service(None, 401, "No active API user found")
        text = request.query.get("allora_topic_id", "")
        topic = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
        now = now_of(request)
        found = None
        if topic in self._chain.topics:
            nonce = self._chain.newest_nonce(topic, self._chain.height(now))
            found = self._chain.prediction(topic, nonce)
        if found is None:
            return _service(None, 404, "no inference found")
        unsigned = found.combined % (1 << 256)
        data = {
            "network_inference": str(unsigned),
            "network_inference_normalized": decimal18(found.combined),
            "topic_id": str(topic),
            "timestamp": self._chain.time_of(found.nonce) // NANOS_PER_SECOND,
            "extra_data": "",
        }
        signature = "0x" + keccak(f"{topic} {unsigned}".encode()).hex()
        signed = {"signature": signature, "token_decimals": 18, "inference_data": data}
        return _service(signed, 200)

    async def _listed(self, request: web.Request) -> web.Response:
        if not request.headers.get("x-api-key"):
            return _service(None, 401, "No active API user found")
        rows = [
            {
                "topic_id": topic.id,
                "topic_name": topic.metadata,
                "description": None,
                "epoch_length": topic.epoch_blocks,
                "ground_truth_lag": topic.horizon_s // 5,
                "loss_method": "mse",
                "worker_submission_window": SUBMISSION_BLOCKS,
                "worker_count": 6,
                "reputer_count": 3,
                "total_staked_allo": 0,
                "total_emissions_allo": 0,
                "is_active": self._chain.active(topic.id),
                "updated_at": block_time(now_of(request)),
            }
            for topic in self._chain.topics.values()
            if request.match_info["chain"] == CHAIN
        ]
        return _service({"topics": rows, "continuation_token": None}, 200)


def bundle_v9(found: Prediction) -> dict[str, object]:
    """Return a prediction as v9 states it."""
    return {
        "topic_id": str(found.topic),
        "reputer_request_nonce": {"reputer_nonce": {"block_height": str(found.nonce)}},
        "reputer": _REPUTER,
        "extra_data": None,
        "combined_value": decimal18(found.combined),
        "inferer_values": [
            {"worker": worker, "value": decimal18(value)} for worker, value in found.inferers
        ],
        "forecaster_values": [
            {"worker": worker, "value": decimal18(value)} for worker, value in found.forecasters
        ],
        "naive_value": decimal18(found.naive),
        "one_out_inferer_values": [],
        "one_out_forecaster_values": [],
        "one_in_forecaster_values": [],
        "one_out_inferer_forecaster_values": [],
    }


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
        "one_out_inferer_values": [],
        "one_out_forecaster_values": [],
        "one_in_forecaster_values": [],
        "one_out_inferer_forecaster_values": [],
    }


def _number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise web.HTTPBadRequest(reason=f"type mismatch, parameter: {name}")
    return int(text)


def _error(code: int, status: int, message: str) -> web.Response:
    return json_answer({"code": code, "message": message, "details": []}, status)


def _service(data: object, status: int, message: str = "") -> web.Response:
    body: dict[str, object] = {"request_id": "local", "status": status == 200}
    if message:
        body["apiResponseMessage"] = message
    return json_answer(body | {"data": data}, status)
