"""Asking Allora: topics, inferences and blocks from the chain, signed values from its service.

Reads only.  The chain wants no key, the service does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from underround.model.errors import AccountError, AnswerRefused, NotThere, RequestRefused
from underround.model.secret import Secret
from underround.model.signals import BlockSeen, ForecastTopic, StatedInference
from underround.venues.allora import answers, consumer
from underround.venues.allora.answers import VERSIONS, EmissionsVersion
from underround.venues.allora.limits import READ
from underround.venues.allora.refusals import refusal, unimplemented
from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport, Reply

_BLOCKS: Final = "/cosmos/base/tendermint/v1beta1/blocks"
_SIGNATURE_FORM: Final = "ethereum-11155111"
_MOST_PAGES: Final = 100


class Discovery(msgspec.Struct, frozen=True):
    """What a look at the chain's topics gave."""

    topics: tuple[ForecastTopic, ...]
    """Active, with a plain asset, kind and horizon."""
    left_out: dict[int, str]
    """Topic → why it was left out: shown, never dropped silently."""


class AlloraRest:
    """Client of one chain's REST gateway.

    Every method raises ``TryLater`` (``RateLimited``, ``Unreachable``, ``VenuePaused``),
    ``RequestRefused`` (``NotThere``: no such topic, or no inference yet) and ``AnswerRefused``.
    """

    def __init__(self, http: HttpTransport, chain: str, budget: Spender) -> None:
        """Ask over ``http`` about ``chain``, e.g. ``allora-testnet-1``."""
        self._http = http
        self._budget = budget
        self.chain = chain
        self._version: EmissionsVersion | None = None

    async def version(self) -> EmissionsVersion:
        """Return the newest version of the emissions module that both sides know.

        Asked once and remembered; when the chain was upgraded since, the next request finds out.
        """
        if self._version is None:
            for version in VERSIONS:
                path = f"/emissions/{version}/params"
                reply = await self._send(path)
                if reply.status == 200:
                    self._version = version
                    return version
                if not unimplemented(reply):
                    raise refusal(reply, f"GET {path}")
            known = " nor ".join(VERSIONS)
            raise AnswerRefused(
                f"{self.chain}: the node speaks neither emissions {known}: update the program"
            )
        return self._version

    async def latest(self, topic: int, *, outlier_resistant: bool = False) -> StatedInference:
        """Return the newest combined inference; with ``outlier_resistant`` the damped one."""
        route = "latest_network_inferences" + ("_outlier_resistant" if outlier_resistant else "")
        return await self._inference(f"{route}/{topic}", topic, outlier_resistant)

    async def at(
        self, topic: int, nonce: int, *, outlier_resistant: bool = False
    ) -> StatedInference:
        """Return the inference that was made for the block ``nonce``."""
        route = "last_inference" + ("_outlier_resistant" if outlier_resistant else "")
        path = f"network_inferences/{topic}/{route}/{nonce}"
        return await self._inference(path, topic, outlier_resistant)

    async def topic(self, topic: int) -> ForecastTopic:
        """Return what a topic asks; ``AnswerRefused`` when its words do not say it plainly."""
        body, _ = await self._emissions(f"topics/{topic}")
        found = answers.topic(body, self.chain)
        if found.id != topic:
            raise AnswerRefused(f"{self.chain}: asked about topic {topic}, told about {found.id}")
        return found

    async def active(self, topic: int) -> bool:
        """Return whether the topic is asked and answered now."""
        body, _ = await self._emissions(f"is_topic_active/{topic}")
        return answers.active(body)

    async def topics(self) -> Discovery:
        """Look at every topic there is, one request or two each: minutes, not milliseconds."""
        body, _ = await self._emissions("next_topic_id")
        found: list[ForecastTopic] = []
        left_out: dict[int, str] = {}
        for number in range(1, answers.next_topic(body)):
            try:
                if await self.active(number):
                    found.append(await self.topic(number))
                else:
                    left_out[number] = "not active"
            except (AnswerRefused, NotThere) as error:
                left_out[number] = str(error)
        return Discovery(tuple(found), left_out)

    async def newest_block(self) -> BlockSeen:
        """Return the newest block, with the chain's time."""
        return answers.block(await self._read(f"{_BLOCKS}/latest"), self.chain)

    async def block(self, height: int) -> BlockSeen:
        """Return one block, e.g. the one that a nonce names."""
        found = answers.block(await self._read(f"{_BLOCKS}/{height}"), self.chain)
        if found.height != height:
            raise AnswerRefused(f"{self.chain}: asked for block {height}, told {found.height}")
        return found

    async def _inference(self, path: str, topic: int, outlier_resistant: bool) -> StatedInference:
        body, version = await self._emissions(path)
        found = answers.inference(body, self.chain, version, outlier_resistant=outlier_resistant)
        if found.topic != topic:
            raise AnswerRefused(f"{self.chain}: asked for topic {topic}, told {found.topic}")
        return found

    async def _emissions(self, route: str) -> tuple[bytes, EmissionsVersion]:
        """Ask in the version the node speaks; if that is no longer known, find out once more."""
        version = await self.version()
        reply = await self._send(f"/emissions/{version}/{route}")
        if reply.status != 200 and unimplemented(reply):
            self._version = None
            version = await self.version()
            reply = await self._send(f"/emissions/{version}/{route}")
        if reply.status != 200:
            raise refusal(reply, f"GET /emissions/{version}/{route}")
        return reply.body, version

    async def _read(self, path: str) -> bytes:
        reply = await self._send(path)
        if reply.status != 200:
            raise refusal(reply, f"GET {path}")
        return reply.body

    async def _send(self, path: str) -> Reply:
        await self._budget.spend(READ)
        return await self._http.send("GET", path)


class AlloraConsumer:
    """Client of the consumer's service, which signs values and wants a key.

    Raises like ``AlloraRest``, and ``AccountError`` when the key is refused.
    """

    def __init__(self, http: HttpTransport, key: Secret, budget: Spender) -> None:
        """Ask over ``http`` with ``key``."""
        self._http = http
        self._key = key
        self._budget = budget

    async def latest(self, topic: int) -> consumer.SignedInference:
        """Return the newest value of a topic; ids are the testnet's as far as is known."""
        query = urlencode({"allora_topic_id": topic, "inference_value_type": "uint256"})
        body = await self._read(f"/v2/allora/consumer/{_SIGNATURE_FORM}?{query}")
        return consumer.signed_inference(body, topic)

    async def topics(self, chain: str) -> Sequence[consumer.ListedTopic]:
        """Return every topic that the service lists for ``chain``."""
        path = f"/v2/allora/{quote(chain, safe='')}/topics"
        found: list[consumer.ListedTopic] = []
        token: str | None = None
        for _ in range(_MOST_PAGES):
            query = "" if token is None else "?" + urlencode({"continuation_token": token})
            page = consumer.topic_page(await self._read(path + query))
            found.extend(page.topics)
            if page.next_token is None:
                return found
            if page.next_token == token:
                raise RequestRefused(f"GET {path}: the list of topics does not end; ask one topic")
            token = page.next_token
        raise RequestRefused(f"GET {path}: more than {_MOST_PAGES} pages of topics; ask one topic")

    async def _read(self, target: str) -> bytes:
        await self._budget.spend(READ)
        with self._key.reveal() as key:
            text = bytes(key).decode("ascii", errors="replace").strip()
        if not (text.isascii() and text.isprintable() and text):
            raise AccountError(f"{self._key.name}: no key for Allora (printable ASCII), correct it")
        reply = await self._http.send("GET", target, headers={"x-api-key": text})
        if reply.status != 200:
            raise refusal(reply, f"GET {target.partition('?')[0]}")
        return reply.body
