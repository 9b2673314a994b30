"""A local venue that settles on a real node: its markets, its people, and a hand on its clock."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.chain.keys import Spoken
from tests.chain.node import anvil_binary, contract
from underround.local_venue.accounts import wallet_of
from underround.local_venue.catalogue import LocalEvent, question_ids
from underround.local_venue.chain.local_chain import ChainTerms, LocalChain
from underround.local_venue.chain.packages import Tools
from underround.local_venue.clock import HandClock
from underround.local_venue.flow.house import House
from underround.local_venue.participants import Participant, move_in
from underround.local_venue.world import WalletCall, World
from underround.model.book import Side
from underround.model.fees import PolymarketFees
from underround.model.ids import POLYMARKET, MarketId, OrderId
from underround.model.listing import Listing
from underround.model.market import Market, Resolution, uniform_ticks
from underround.model.orders import TimeInForce
from underround.model.units import ONE, parse_micros, shares
from underround.simulation.matching.custody import BURNT
from underround.simulation.matching.terms import AccountId, Placement, Submission, Trade
from underround.venues.ethereum import EvmKey
from underround.venues.polygon import calldata
from underround.venues.polygon.abi import Function
from underround.venues.polygon.fees import GWEI, Fees
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call, sign_transaction
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.exchange import (
    NO_CODE,
    OrderFields,
    contents_hash,
    exchange_of,
    nested_digest,
    order_digest,
    wrapped_signature,
)
from underround.venues.polymarket.wallets import SignatureType, Wallet

START = 1_790_000_000 * 10**9
SECOND = 10**9
KINDS = tuple(SignatureType)


def tools() -> Tools:
    """Return what ``.ci/need-anvil`` fetched for the tests."""
    anvil = anvil_binary()
    if anvil is None:
        pytest.skip("there is no anvil: .ci/need-anvil fetches it")
    ctf = contract("@gnosis.pm/conditional-tokens-contracts", "ConditionalTokens")
    return Tools(anvil, ctf["deployedBytecode"])


class Desk:
    """What a test holds in its hands."""

    def __init__(self, chain: LocalChain, world: World, clock: HandClock) -> None:
        self.chain = chain
        self.world = world
        self.clock = clock
        self.people: dict[str, Participant] = {}
        self.house = House(world)
        self._numbers = itertools.count(1)
        self._nonces: dict[str, int] = {}

    @property
    def exchange(self) -> Any:
        return self.world.polymarket

    # --- the venue -----------------------------------------------------------------------------

    def event(self, slug: str, *, neg_risk: bool = False) -> LocalEvent:
        return self.world.catalogue.add_event(slug, slug, neg_risk=neg_risk)

    def list(
        self,
        name: str,
        event: LocalEvent | None = None,
        *,
        tick: str = "0.01",
        rate: int = 0,
        grouped: bool = True,
    ) -> Market:
        """List a market; a neg-risk one as a question of its event's group unless told."""
        home = event or self.event(name)
        place = (home.slug, len(home.markets)) if grouped else None
        question, condition, tokens = question_ids(name, home.neg_risk, place)
        market = Market(
            id=MarketId(POLYMARKET, condition),
            title=name,
            outcomes=("Yes", "No"),
            tokens=tokens,
            currency="pUSD",
            ticks=(uniform_ticks(tick),),
            min_size=shares("1"),
            size_step=10_000,
            fees=PolymarketFees(rate),
            opens_ns=None,
            closes_ns=None,
            group=None,
            neg_risk=home.neg_risk,
        )
        listing = Listing(
            market=market,
            slug=name,
            state="open",
            protocol="v1",
            rules="",
            ends_ns=None,
            fee_history=(),
            maker_rebate=200_000,
        )
        self.world.list_market(home, listing, self.clock.now(), question)
        return market

    def resolve(self, market: Market, yes: int, no: int) -> None:
        payouts = (yes * ONE // (yes + no), no * ONE // (yes + no))
        now = self.clock.now()
        self.world.resolve(Resolution(market.id, now, payouts, "test"), now)

    async def block(self, seconds: int = 2) -> int:
        """Let time pass and the next block be made."""
        self.clock.move_to(self.clock.now() + seconds * SECOND)
        number = await self.chain.blocks.make()
        await self.agree()
        return number

    async def settle(self) -> None:
        """Make blocks until every match is final."""
        for _ in range(12):
            await self.block()
            if not self.chain.unsettled:
                return
        raise AssertionError("matches do not settle")

    # --- people --------------------------------------------------------------------------------

    def wallet(self, name: str, kind: SignatureType = SignatureType.POLY_1271) -> Wallet:
        return wallet_of(self.people[name].owner, kind)

    def account(self, name: str, kind: SignatureType = SignatureType.POLY_1271) -> AccountId:
        return AccountId(self.wallet(name, kind).maker)

    def key(self, name: str) -> EvmKey:
        return EvmKey(Spoken(name, self.people[name].private_key.encode()))

    def sign(
        self,
        name: str,
        market: Market,
        side: Side,
        price: str,
        size: str,
        *,
        outcome: int = 0,
        kind: SignatureType = SignatureType.POLY_1271,
        budget: str | None = None,
    ) -> tuple[OrderId, OrderFields, bytes]:
        """Return an order, its id and its signature, as the owner's client makes them."""
        wallet, key = self.wallet(name, kind), self.key(name)
        dollars = parse_micros(price) * parse_micros(size) // ONE
        if budget is not None:
            dollars = parse_micros(budget)
        amounts = (dollars, parse_micros(size))
        fields = OrderFields(
            next(self._numbers),
            wallet.maker,
            wallet.signer,
            market.tokens[outcome],
            *(amounts if side == "buy" else amounts[::-1]),
            0 if side == "buy" else 1,
            int(kind),
            self.clock.now() // 10**6,
            NO_CODE,
            NO_CODE,
        )
        exchange = exchange_of(POLYGON, "v1", market.neg_risk)
        contents = contents_hash(fields)
        digest = order_digest(exchange, contents)
        if kind is SignatureType.POLY_1271:
            inner = key.sign(nested_digest(exchange, wallet.maker, contents))
            return (
                OrderId(f"0x{digest.hex()}"),
                fields,
                wrapped_signature(exchange, contents, inner),
            )
        return OrderId(f"0x{digest.hex()}"), fields, key.sign(digest)

    def place(
        self,
        name: str,
        market: Market,
        side: Side,
        price: str,
        size: str,
        *,
        outcome: int = 0,
        kind: SignatureType = SignatureType.POLY_1271,
        tif: TimeInForce = "GTC",
        budget: str | None = None,
    ) -> Placement:
        """Place a signed order, as the CLOB's server does after its checks."""
        order, fields, signature = self.sign(
            name, market, side, price, size, outcome=outcome, kind=kind, budget=budget
        )
        assert self.world.signed_orders is not None
        self.world.signed_orders.keep(order, fields, signature, self.people[name].owner)
        sent = Submission(
            id=order,
            account=self.account(name, kind),
            owner=self.people[name].api_key,
            outcome=market.outcome(outcome),
            side=side,
            price=parse_micros(price),
            size=parse_micros(size),
            budget=None if budget is None else parse_micros(budget),
            tif=tif,
            created_ns=self.clock.now(),
        )
        placed: Placement = self.exchange.submit(sent, self.clock.now())
        return placed

    def trade(self, placed: Placement) -> Trade:
        """Return the newest state of the only trade of an order."""
        (name,) = placed.trades
        trade: Trade = self.exchange.trades[name]
        return trade

    async def raw(self, name: str, call: Call, gas: int = 600_000) -> str:
        """Send a transaction that an owner's key signed himself, through the front."""
        key = self.key(name)
        nonce = self._nonces.get(name, 0)
        self._nonces[name] = nonce + 1
        fees = Fees(tip=25 * GWEI, max_fee=100 * GWEI)
        signed = sign_transaction(key, call, chain_id=137, nonce=nonce, gas=gas, fees=fees)
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction"}
        asked = json.dumps(body | {"params": ["0x" + signed.raw.hex()]}).encode()
        told = json.loads(await self.chain.node.forward(asked))
        assert "error" not in told, told
        return str(told["result"])

    async def relay(self, wallet: AccountId, made: Sequence[WalletCall | Call]) -> str:
        """Have the relayer carry calls out; make the block that holds them."""
        asked = [
            each if isinstance(each, WalletCall) else WalletCall(each.to, each.data)
            for each in made
        ]
        task = asyncio.create_task(self.chain.wallets.execute(wallet, asked))
        for _ in range(100):
            await asyncio.wait([task], timeout=0.02)
            if task.done():
                break
            await self.block()
        return await task

    # --- the chain -----------------------------------------------------------------------------

    async def read(self, to: str, function: Function, *arguments: Any, tag: str = "latest") -> Any:
        """Return what a contract answers."""
        call = {"to": to, "data": "0x" + function(*arguments).hex()}
        told = await self.chain.node.rpc("eth_call", call, tag)
        (value,) = function.read(bytes.fromhex(told[2:]))
        return value

    async def balances(
        self, accounts: Sequence[AccountId], markets: Sequence[Market], tag: str = "latest"
    ) -> dict[tuple[AccountId, str], int]:
        """Return what accounts hold at a block: dollars, and both tokens of each market."""
        reads = []
        for account in accounts:
            who = Address(account.lower())
            reads.append(((account, "pUSD"), POLYGON.collateral, calldata.BALANCE_OF(who)))
            for market in markets:
                for token in market.tokens:
                    data = calldata.POSITION_BALANCE(who, int(token))
                    reads.append(((account, token), POLYGON.conditional_tokens, data))
        told = await self.chain.node.batch(
            [("eth_call", [{"to": to, "data": "0x" + data.hex()}, tag]) for _, to, data in reads]
        )
        return {name: int(each, 16) for (name, _, _), each in zip(reads, told, strict=True)}

    def booked(
        self, accounts: Sequence[AccountId], markets: Sequence[Market]
    ) -> dict[tuple[AccountId, str], int]:
        """Return what the venue's own books say about the same."""
        custody = self.exchange.custody
        found = {}
        for account in accounts:
            found[account, "pUSD"] = custody.balance(account)
            for market in markets:
                for index, token in enumerate(market.tokens):
                    found[account, token] = custody.balance(account, market.outcome(index))
        return found

    async def agree(self) -> None:
        """Fail unless the books and the newest block say the same about everybody."""
        accounts = [each for each in self.exchange.custody.accounts() if each != BURNT]
        listed = [row.listing.market for row in self.world.catalogue.markets.values()]
        markets = [market for market in listed if market.id.venue == POLYMARKET]
        chain, books = await self.balances(accounts, markets), self.booked(accounts, markets)
        wrong = {each: (books[each], chain[each]) for each in books if books[each] != chain[each]}
        assert not wrong, "books and chain"


@asynccontextmanager
async def venue(
    names: Sequence[str] = ("alice", "bob"),
    *,
    terms: ChainTerms | None = None,
    seed: int = 7,
    start: int = START,
    before: Callable[[Desk], None] = lambda _: None,
) -> AsyncIterator[Desk]:
    """Run a venue on a chain with ready-made accounts; ``before`` it is started."""
    clock = HandClock(start)
    chain = LocalChain(tools(), terms)
    world = World(clock, seed=seed, settlement=chain.settlement)
    desk = Desk(chain, world, clock)
    desk.people = {each.name: each for each in move_in(world, tuple(names))}
    before(desk)
    await chain.start(run=False)
    try:
        yield desk
    finally:
        await chain.stop()
