"""What of a trade is ours, on the user channel and in ``GET /data/trades`` alike.

Three facts decide here, and each has cost other people money:

- A trade's ``side``, ``asset_id`` and ``price`` are the taker's.  As a maker, ours is our entry in
  ``maker_orders``: its own side, its own outcome (perhaps the other one), its own price.
- A taker pays what each maker asked, not ``price``: that may be the taker's limit.  A maker of the
  other outcome gives at one dollar less its price (both buy: a set is minted; both sell: merged).
- One match may be cut over several ``bucket_index`` with the same ids, and each step of its
  settlement repeats it.  ``fills.fill_id`` tells all of them apart, the same in every repetition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from underround.model.book import Side
from underround.model.errors import ConfigError
from underround.model.ids import OrderId
from underround.model.orders import Liquidity
from underround.model.units import ONE, Nanos, Price, Size, ceil_div, parse_price, parse_size
from underround.venues.codec import Tokens, unix_nanos
from underround.venues.polymarket import user_wire as wire
from underround.venues.polymarket.levels import SIDES, field

_OTHER: Final[dict[Side, Side]] = {"buy": "sell", "sell": "buy"}


class Account(msgspec.Struct, frozen=True):
    """Who we are on the wire."""

    key: str
    """Our API key: an identifier, yet never shown."""
    wallet: str
    """The address that holds our shares, in any case."""

    def __post_init__(self) -> None:
        if not (self.key and self.wallet):
            raise ConfigError("an account needs its API key and its wallet to know its own orders")

    def __repr__(self) -> str:
        return f"Account({self.wallet})"

    def owns(self, owner: str, wallet: str) -> bool:
        """Return whether an order of this key or of this wallet is ours."""
        return owner == self.key or wallet.lower() == self.wallet.lower()


class OwnMatch(msgspec.Struct, frozen=True, gc=False):
    """What one of our orders got in one match."""

    native: str
    asset: str
    side: Side
    price: Price
    """Of a taker who met several prices: their average, rounded against us."""
    size: Size
    liquidity: Liquidity


def own_matches(
    trade: wire.TradeRow,
    account: Account,
    own: Callable[[str], OrderId | None],
    tokens: Tokens,
) -> list[OwnMatch]:
    """Return what our orders got in ``trade``.

    An order is ours by its key, by its wallet, or because ``own`` knows its id.  Raises
    ``ValueError`` naming the path when nothing here is ours or the trade contradicts itself.
    """
    _same_market(trade, tokens)
    makers = [_maker(trade, entry, place) for place, entry in enumerate(trade.maker_orders)]
    ours = own(trade.taker_order_id) is not None
    if trade.trader_side == "TAKER":
        if not (ours or account.owns(trade.owner, trade.maker_address)):
            raise ValueError("we took, but with another key and wallet - at `$.owner`")
        ours = True
    matches = [_taken(trade, makers)] if ours else []
    for match, entry in zip(makers, trade.maker_orders, strict=True):
        if account.owns(entry.owner, entry.maker_address) or own(entry.order_id) is not None:
            matches.append(match)
    if not matches:
        raise ValueError("no entry of our key or wallet - at `$.maker_orders`")
    return _joined(matches)


def _same_market(trade: wire.TradeRow, tokens: Tokens) -> None:
    """Refuse a trade over assets of several markets; markets we do not follow cannot be checked."""
    found = tokens.get(trade.asset_id)
    if found is None:
        return
    market = found[0]
    if market.id.native != trade.market:
        raise ValueError(f"asset {trade.asset_id} is of another market - at `$.market`")
    for place, entry in enumerate(trade.maker_orders):
        if entry.asset_id not in market.tokens:
            raise ValueError(f"asset of another market - at `$.maker_orders[{place}].asset_id`")


def _maker(trade: wire.TradeRow, entry: wire.MakerOrder, place: int) -> OwnMatch:
    at = f".maker_orders[{place}]"
    price = field(parse_price, entry.price, at + ".price")
    size = field(parse_size, entry.matched_amount, at + ".matched_amount")
    if not size:
        raise ValueError(f"a match of nothing - at `${at}.matched_amount`")
    if entry.side is not None:
        side = SIDES[entry.side]
    else:
        same = entry.asset_id == trade.asset_id
        if entry.outcome and trade.outcome and same != (entry.outcome == trade.outcome):
            raise ValueError(f"asset and outcome disagree about the side - at `${at}.outcome`")
        side = _OTHER[SIDES[trade.side]] if same else SIDES[trade.side]
    return OwnMatch(entry.order_id, entry.asset_id, side, price, size, "maker")


def _taken(trade: wire.TradeRow, makers: list[OwnMatch]) -> OwnMatch:
    """Return what the taker got: the whole size, at what the makers gave.

    Where their entries do not account for the whole size, at ``price``: the worst it can be.
    """
    asset, side = trade.asset_id, SIDES[trade.side]
    size = field(parse_size, trade.size, ".size")
    price = field(parse_price, trade.price, ".price")
    if not size:
        raise ValueError("a match of nothing - at `$.size`")
    notional = 0
    for place, maker in enumerate(makers):
        same = maker.asset == asset
        if (maker.side == side) == same:
            raise ValueError(f"both cannot {side} there - at `$.maker_orders[{place}].side`")
        notional += maker.size * (maker.price if same else ONE - maker.price)
    if sum(maker.size for maker in makers) == size:
        if side == "buy":
            price = min(ceil_div(notional, size), price)
        else:
            price = max(notional // size, price)
    return OwnMatch(trade.taker_order_id, asset, side, price, size, "taker")


def _joined(matches: list[OwnMatch]) -> list[OwnMatch]:
    """Join entries of one order, which has one price; the first keeps its place."""
    joined: dict[str, OwnMatch] = {}
    for match in matches:
        known = joined.setdefault(match.native, match)
        if known is match:
            continue
        if known != msgspec.structs.replace(match, size=known.size):
            raise ValueError(f"order {match.native} is matched in two ways - at `$.maker_orders`")
        joined[match.native] = msgspec.structs.replace(known, size=known.size + match.size)
    return list(joined.values())


def match_time(trade: wire.TradeRow) -> Nanos:
    """Return when the match happened: the same in every repetition."""
    return unix_time(trade.match_time or trade.matchtime, ".match_time")


def unix_time(text: str | None, path: str) -> Nanos:
    """Return a time in seconds or milliseconds, told apart by magnitude.

    Raises ``ValueError`` naming ``path``.
    """
    if text is None or len(text) > 16 or not (text.isascii() and text.isdigit()):
        raise ValueError(f"time {str(text)[:40]!r} is no Unix time - at `${path}`")
    try:
        return unix_nanos(int(text))
    except ValueError as error:
        raise ValueError(f"{error} - at `${path}`") from None
