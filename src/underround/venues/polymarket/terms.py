"""What the CLOB says a market trades by: the live terms an order must obey."""

from __future__ import annotations

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.fees import FeeCurve, NoFees, PolymarketFees
from underround.model.listing import RewardTerms
from underround.model.market import CENT
from underround.model.units import ONE, Nanos, Price, Size
from underround.venues.polymarket.ids import MarketProtocol, protocol_of, token_number
from underround.venues.polymarket.numbers import absent, at, micros, moment, read_body
from underround.venues.words import venue_words


class MarketTerms(msgspec.Struct, frozen=True, kw_only=True):
    """``/clob-markets/{condition}``, read and proven consistent."""

    condition: str
    tokens: tuple[str, str]
    outcomes: tuple[str, str]
    tick: Price
    min_size: Size
    neg_risk: bool
    accepting: bool
    """Orders are taken now."""
    clears_at_start: bool
    """Resting orders are wiped when the game starts."""
    accepting_since_ns: Nanos | None
    game_starts_ns: Nanos | None
    taker_delay: bool
    """Orders that take are held for the venue's delay (crypto)."""
    seconds_delay: int
    """Orders that take are held so long (sports)."""
    fee_rate: int
    """Millionths; 0: nothing is charged."""
    fee_exponent: int
    fee_taker_only: bool
    rewards: RewardTerms | None
    version: MarketProtocol
    """The market's protocol: chooses ids, contract and signing domain."""

    @property
    def fees(self) -> FeeCurve:
        """The fee curve; raises ``AnswerRefused`` for one that charges makers too."""
        if not self.fee_rate:
            return NoFees()
        if not self.fee_taker_only:
            raise AnswerRefused(
                f"market {self.condition} charges makers: no curve of ours says how much; skip it"
            )
        return PolymarketFees(self.fee_rate, self.fee_exponent)


class _Token(msgspec.Struct):
    t: str
    o: str


class _Fees(msgspec.Struct):
    r: msgspec.Raw
    e: msgspec.Raw
    to: bool


class _Rewards(msgspec.Struct):
    mi: msgspec.Raw
    ma: msgspec.Raw
    moas: int = 0


class _Terms(msgspec.Struct):
    """The venue leaves out what is false, null or 0."""

    c: str
    t: tuple[_Token, ...]
    mts: msgspec.Raw
    mos: msgspec.Raw
    nr: bool = False
    ao: bool = False
    cbos: bool = False
    aot: msgspec.Raw = msgspec.Raw()
    gst: msgspec.Raw = msgspec.Raw()
    itode: bool = False
    sd: int = 0
    fd: _Fees | None = None
    r: _Rewards | None = None
    v: str | None = None


_terms = msgspec.json.Decoder(_Terms).decode


def market_terms(body: bytes, condition: str, place: str) -> MarketTerms:
    """Return the terms of the market that was asked for.

    Raises ``AnswerRefused`` for another market's terms, for a protocol version that is neither
    ``v1`` nor ``v2``, and where the version contradicts the tokens.
    """
    read = read_body(_terms, body, place)
    if read.c.lower() != condition.lower():
        raise AnswerRefused(f"{place}: asked for {condition}, told about {venue_words(read.c)}")
    if len(read.t) != 2:
        raise AnswerRefused(f"{place}: {len(read.t)} tokens instead of two: skip it")
    kinds = {_kind(token, place) for token in read.t}
    tick = at(place, ".mts", micros, read.mts)
    if tick <= 0 or ONE % tick:
        raise AnswerRefused(f"{place}: a tick of {tick} millionths does not divide one dollar")
    rate, exponent, taker_only = _fees(read.fd, place)
    return MarketTerms(
        condition=read.c,
        tokens=(read.t[0].t, read.t[1].t),
        outcomes=(read.t[0].o, read.t[1].o),
        tick=tick,
        min_size=at(place, ".mos", micros, read.mos),
        neg_risk=read.nr,
        accepting=read.ao,
        clears_at_start=read.cbos,
        accepting_since_ns=None if absent(read.aot) else at(place, ".aot", moment, read.aot),
        game_starts_ns=None if absent(read.gst) else at(place, ".gst", moment, read.gst),
        taker_delay=read.itode,
        seconds_delay=read.sd,
        fee_rate=rate,
        fee_exponent=exponent,
        fee_taker_only=taker_only,
        rewards=_rewards(read.r, place),
        version=_version(read.v, kinds, place),
    )


def _kind(token: _Token, place: str) -> MarketProtocol:
    try:
        return protocol_of(token_number(token.t))
    except ValueError as error:
        raise AnswerRefused(f"{place}: {error}: skip the market") from None


def _version(stated: str | None, kinds: set[MarketProtocol], place: str) -> MarketProtocol:
    """Return the protocol; an absent word is taken from the ids, a stated one must agree."""
    if stated is None and len(kinds) == 1:
        return next(iter(kinds))
    if stated == "v1" and kinds == {"v1"}:
        return "v1"
    if stated == "v2" and kinds == {"v2"}:
        return "v2"
    raise AnswerRefused(
        f"{place}: protocol {venue_words(stated or 'none')!r} with token ids of "
        f"{' and '.join(sorted(kinds))}: do not trade it, and update this program"
    )


def _fees(fees: _Fees | None, place: str) -> tuple[int, int, bool]:
    if fees is None:
        return 0, 1, True
    exponent, rest = divmod(at(place, ".fd.e", micros, fees.e), ONE)
    rate = at(place, ".fd.r", micros, fees.r)
    if rest or exponent < 0 or rate < 0:
        raise AnswerRefused(f"{place}: a fee curve of rate {rate} and exponent {exponent}.{rest}")
    return rate, exponent, fees.to


def _rewards(rewards: _Rewards | None, place: str) -> RewardTerms | None:
    if rewards is None:
        return None
    spread, rest = divmod(at(place, ".r.ma", micros, rewards.ma) * CENT, ONE)
    if rest:
        raise AnswerRefused(f"{place}: a reward spread finer than a millionth - at `$.r.ma`")
    size = at(place, ".r.mi", micros, rewards.mi)
    return RewardTerms(size, spread, rewards.moas, None)
