"""One request to Kalshi's REST server: who asks, what it costs, what it says."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from underround.local_venue.kalshi.buckets import REQUEST_COST
from underround.local_venue.kalshi.desk import SHARDS, KalshiDesk
from underround.local_venue.kalshi.members import ApiKey, Member
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.verify import KEY, verified
from underround.local_venue.net.http_host import now_of
from underround.model.units import Nanos
from underround.simulation.matching.kalshi.terms import Holder
from underround.simulation.matching.terms import AccountId

API: Final = "/trade-api/v2"
T = TypeVar("T")


class Call:
    """A request whose sender is known, or is nobody."""

    def __init__(
        self, desk: KalshiDesk, request: web.Request, key: ApiKey | None, body: bytes
    ) -> None:
        """``key`` signed it."""
        self.desk = desk
        self.request = request
        self.body = body
        self.now: Nanos = now_of(request)
        self._key = key

    # --- who -----------------------------------------------------------------------------------

    @property
    def key(self) -> ApiKey:
        """The key that signed a private request."""
        assert self._key is not None, "only private routes ask"
        return self._key

    @property
    def account(self) -> AccountId:
        """The member."""
        return self.key.member

    @property
    def member(self) -> Member:
        """The member with his tier."""
        return self.desk.members.all[self.account]

    def holder(self, subaccount: int | None) -> Holder:
        """Return whose money this is about; raises ``Refused`` for one the key may not touch."""
        try:
            return self.desk.members.holder(self.key, subaccount)
        except PermissionError as error:
            raise Refused("forbidden", str(error)) from None

    def holders(self, subaccount: int | None) -> list[Holder]:
        """Return one holder, or all the key may see when none is named."""
        if subaccount is not None or self.key.subaccount is not None:
            return [self.holder(subaccount)]
        return [(self.account, number) for number in sorted(self.member.subaccounts)]

    # --- what ----------------------------------------------------------------------------------

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return self.request.match_info[name]

    def text(self, name: str) -> str:
        """Return a parameter, empty when it is not there."""
        return self.request.query.get(name, "")

    def listed(self, name: str) -> tuple[str, ...]:
        """Return a parameter with commas in it."""
        return tuple(each for each in self.text(name).split(",") if each)

    def number(self, name: str) -> int | None:
        """Return a whole number; raises ``Refused``."""
        text = self.text(name)
        if not text:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
            raise Refused("bad_request", f"invalid {name}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return whether a parameter is ``true``."""
        return self.text(name).lower() == "true"

    def read(self, decoder: msgspec.json.Decoder[T]) -> T:
        """Return the body; one that cannot be read is refused without being nested."""
        try:
            return decoder.decode(self.body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused("bad_request", str(error), flat=True) from None

    def page(
        self, rows: Iterable[T], name_of: Callable[[T], str], *, usual: int, most: int
    ) -> tuple[list[T], str]:
        """Return one page of ``rows`` and the cursor of the next; empty: there is none."""
        limit = self.number("limit")
        limit = usual if limit is None else limit
        if not 1 <= limit <= most:
            raise Refused("bad_request", f"limit must be between 1 and {most}")
        after = _opened(self.text("cursor"))
        found: list[T] = []
        for row in rows:
            if after:
                if name_of(row) == after:
                    after = ""
                continue
            if len(found) == limit:
                return found, urlsafe_b64encode(name_of(found[-1]).encode()).decode()
            found.append(row)
        return found, ""


def _opened(cursor: str) -> str:
    try:
        return b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused("bad_request", "invalid cursor") from None


Answering: TypeAlias = Callable[[Call], web.Response]
Cost: TypeAlias = int | Callable[[Call], int]
Bucket: TypeAlias = str | Callable[[Call], str]


def route(
    desk: KalshiDesk,
    method: str,
    path: str,
    answer: Answering,
    *,
    scope: str = "",
    cost: Cost = REQUEST_COST,
    bucket: Bucket = "",
) -> web.RouteDef:
    """Return a route: signed by a key with ``scope`` (empty: public), paid for, answered."""
    usual = "read" if method == "GET" else "write"

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read() if request.can_read_body else b""
            call = Call(desk, request, _signer(desk, request, scope), body)
            paid = cost if isinstance(cost, int) else cost(call)
            chosen = bucket if isinstance(bucket, str) else bucket(call)
            who, tier = ("", "basic") if not scope else (call.account, call.member.tier)
            desk.buckets.spend(who or f"at {request.remote}", tier, chosen or usual, paid, call.now)
            return answer(call)
        except Refused as refused:
            return refused.answer()

    handle_typed: Callable[[web.Request], Awaitable[web.StreamResponse]] = handle
    return web.route(method, API + path, handle_typed)


def _signer(desk: KalshiDesk, request: web.Request, scope: str) -> ApiKey | None:
    """Return who signed; a public request need not be signed, but a signature must be right."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not scope and KEY not in headers:
        return None
    now = now_of(request)
    told = now + desk.world.faults.skew_ns(now)
    path = request.raw_path
    key = verified(desk.members, headers, request.method, path, told, desk.window_ms)
    if scope and not key.may(scope):
        raise Refused("forbidden", f"the key lacks the scope {scope}")
    return key


def shard_bucket(shard: int | None) -> str:
    """Return the bucket of one write that names a shard; not naming it costs the common one."""
    return f"write.{shard}" if shard and shard in SHARDS else "write"
