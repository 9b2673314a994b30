"""What listens at a local venue: the servers of every venue it pretends to be, made from one world.

Each has a port of its own.  Nothing here is started; ``LocalVenue`` does that, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from underround.local_venue.chain.local_chain import LocalChain
from underround.local_venue.endpoints import Endpoints
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.doors import KalshiDoor
from underround.local_venue.kalshi.refusals import fault_answer as kalshi_fault_answer
from underround.local_venue.kalshi.rest import routes as kalshi_routes
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.net.socket_host import SocketHost
from underround.local_venue.polymarket import site
from underround.local_venue.polymarket.clob import rest as clob
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.data import rest as data
from underround.local_venue.polymarket.data.ledger import DataLedger
from underround.local_venue.polymarket.gamma import rest as gamma
from underround.local_venue.polymarket.relayer import rest as relayer
from underround.local_venue.polymarket.streams.market_channel import MarketChannel
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.polymarket.streams.user_channel import UserChannel
from underround.local_venue.polymarket.wallets.books import BookkeptWallets
from underround.local_venue.references.allora_chain import AlloraChain
from underround.local_venue.references.allora_events import ChainEvents
from underround.local_venue.references.allora_rest import AlloraRest
from underround.local_venue.references.binance_market import SpotMarket
from underround.local_venue.references.binance_rest import BinanceRest
from underround.local_venue.references.binance_rest import fault_answer as binance_fault_answer
from underround.local_venue.references.binance_streams import SpotStreams
from underround.local_venue.references.polybolt import PolyboltDoor
from underround.local_venue.references.rtds import RtdsDoor
from underround.local_venue.world import WalletDesk, World

Server: TypeAlias = HttpHost | SocketHost


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the servers are doors to."""

    world: World
    books: PublishedBooks
    clob: ClobServer
    kalshi: KalshiDesk
    spot: SpotMarket
    chain: LocalChain | None
    """``None``: wallets are kept in the books."""
    same_time: bool
    """Whether the venue's clock is its clients', so that times they sign can be judged."""


def servers_of(parts: Parts, there: Sequence[str]) -> dict[str, Server]:
    """Return the servers by name; ``there`` are the wallets that exist from the beginning.

    A chain has to be furnished before.
    """
    chain = AlloraChain(parts.world)
    node = AlloraRest(chain)
    events = SocketHost(parts.world, {"/websocket": ChainEvents(parts.world, chain, node)})
    return {**_http(parts, there, node), **_sockets(parts), "allora_events": events}


def endpoints_of(at: Mapping[str, str], *, status: str, chain: str) -> Endpoints:
    """Return where everything is: ``at`` are the base URLs of ``servers_of``, by name."""
    return Endpoints(
        clob=at["clob"],
        clob_market_stream=at["clob_stream"] + "/ws/market",
        clob_user_stream=at["clob_stream"] + "/ws/user",
        gamma=at["gamma"],
        data=at["data"],
        live_prices_stream=at["live_prices"] + "/ws",
        rtds_stream=at["rtds"],
        relayer=at["relayer"],
        site=at["site"],
        kalshi=at["kalshi"],
        kalshi_stream=at["kalshi_stream"],
        binance=at["binance"],
        binance_stream=at["binance_stream"],
        allora=at["allora"],
        allora_events=at["allora_events"],
        chain=chain,
        status=status,
    )


def _http(parts: Parts, there: Sequence[str], allora: AlloraRest) -> dict[str, Server]:
    world, books, figures, gate = parts.world, parts.books, parts.clob.figures, parts.clob.gate
    bookkept, ledger = BookkeptWallets(world), DataLedger(world)
    wallets: WalletDesk = bookkept if parts.chain is None else parts.chain.wallets
    purse = bookkept.purse if parts.chain is None else None
    (bookkept if parts.chain is None else parts.chain.books).listen(ledger.did)
    return {
        "clob": HttpHost("clob", world, clob.routes_of(parts.clob), fault_answer=clob.fault_answer),
        "gamma": HttpHost("gamma", world, gamma.routes(world, books, figures)),
        "data": HttpHost("data", world, data.routes(world, ledger, books, figures, purse)),
        "relayer": HttpHost(
            "relayer",
            world,
            relayer.routes(world, wallets, deployed=there, gate=gate, same_time=parts.same_time),
        ),
        "site": HttpHost("site", world, site.routes(world)),
        "kalshi": HttpHost(
            "kalshi", world, kalshi_routes(parts.kalshi), fault_answer=kalshi_fault_answer
        ),
        "binance": HttpHost(
            "binance",
            world,
            BinanceRest(world, parts.spot).routes(),
            fault_answer=binance_fault_answer,
        ),
        "allora": HttpHost("allora", world, allora.routes()),
    }


def _sockets(parts: Parts) -> dict[str, Server]:
    world = parts.world
    streams = SpotStreams(world, parts.spot)
    market, user = MarketChannel(world, parts.books), UserChannel(world)
    return {
        "clob_stream": SocketHost(world, {"/ws/market": market, "/ws/user": user}),
        "live_prices": SocketHost(world, {"/ws": PolyboltDoor(world)}),
        "rtds": SocketHost(world, {"/": RtdsDoor(world)}),
        "kalshi_stream": SocketHost(world, {"/trade-api/ws/v2": KalshiDoor(parts.kalshi)}),
        "binance_stream": SocketHost(world, {"/ws": streams, "/ws/": streams, "/stream": streams}),
    }
