"""Faults in the local reference prices: Binance, PolyBolt, RTDS, Allora."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_STREAMS: Final = ("local_venue/references/test_binance_streams_server.py",)
_OWN: Final = ("local_venue/references/test_binance_own_client.py",)
_MARKET: Final = ("local_venue/references/test_binance_market.py",)
_RELAYS: Final = ("local_venue/references/test_relays_server.py",)
_ALLORA: Final = ("local_venue/references/test_allora_server.py",)

FAULTS: Final = (
    # --- Binance ----------------------------------------------------------------------------------
    Fault(
        "the market is the same for every seed",
        "local_venue/references/binance_market.py",
        'random.Random(f"binance {grid.symbol} {seed}")',
        'random.Random(f"binance {grid.symbol}")',
        _MARKET,
    ),
    Fault(
        "a price is traded off its grid",
        "local_venue/references/binance_market.py",
        "price = max(tick, price - price % tick)",
        "price = max(tick, price)",
        _MARKET,
    ),
    Fault(
        "a change of the book leaves a number out",
        "local_venue/references/binance_streams.py",
        '"U": diff.first,',
        '"U": diff.first + 1,',
        _OWN,
    ),
    Fault(
        "changes of one kind are lost between two frames",
        "local_venue/references/binance_streams.py",
        "diff.asks.update(moved.asks)",
        "diff.asks = dict(moved.asks)",
        _OWN,
    ),
    Fault(
        "the end of a bar is told again and again",
        "local_venue/references/binance_streams.py",
        "self._untold[stream] = bar.open_ms + width",
        "pass",
        _STREAMS,
    ),
    Fault(
        "who says too much stays",
        "local_venue/references/binance_peer.py",
        "if len(heard) == MOST_A_SECOND and now - heard[0] < 1:",
        "if False:",
        _STREAMS,
    ),
    Fault(
        "who never answers a ping stays for longer",
        "local_venue/references/binance_peer.py",
        "PATIENCE_S: Final = 60.0",
        "PATIENCE_S: Final = 90.0",
        _STREAMS,
    ),
    Fault(
        "a stream that was dropped is told on",
        "local_venue/references/binance_streams.py",
        "audience.pop(peer, None)",
        "pass",
        _STREAMS,
    ),
    # --- relays -----------------------------------------------------------------------------------
    Fault(
        "the average is of 59 seconds",
        "local_venue/prices.py",
        "for second in range(seconds):",
        "for second in range(seconds - (seconds > 1)):",
        _RELAYS,
    ),
    Fault(
        "PolyBolt tells prices to whoever asks",
        "local_venue/references/polybolt.py",
        "if not self._authed:",
        "if False:",
        _RELAYS,
    ),
    Fault(
        "PolyBolt takes a wrong secret",
        "local_venue/references/polybolt.py",
        "return secret & passphrase",
        "return passphrase",
        _RELAYS,
    ),
    Fault(
        "PolyBolt numbers all channels together",
        "local_venue/references/polybolt.py",
        "seq = self._numbers[channel] = self._numbers.get(channel, 0) + 1",
        'seq = self._numbers[""] = self._numbers.get("", 0) + 1',
        _RELAYS,
    ),
    Fault(
        "PolyBolt takes any number of subscriptions",
        "local_venue/references/polybolt.py",
        'return "too_many_subscriptions" if full and not known else None',
        "return None",
        _RELAYS,
    ),
    Fault(
        "RTDS names Chainlink's snapshot rightly",
        "local_venue/references/rtds.py",
        "label = BINANCE if topic == CHAINLINK else topic",
        "label = topic",
        _RELAYS,
    ),
    Fault(
        "RTDS forgives a space in a filter",
        "local_venue/references/rtds.py",
        'self._wanted[key] = " " not in each.filters',
        "self._wanted[key] = True",
        _RELAYS,
    ),
    Fault(
        "RTDS passes over an unknown topic only",
        "local_venue/references/rtds.py",
        "if any(each.topic not in _PRICED | _SILENT for each, _ in asked):",
        "if False:",
        _RELAYS,
    ),
    Fault(
        "RTDS scales Chainlink's full accuracy as Binance's",
        "local_venue/references/rtds.py",
        "full_accuracy(price) if topic == BINANCE else str(price * 10**12)",
        "full_accuracy(price)",
        _RELAYS,
    ),
    # --- Allora -----------------------------------------------------------------------------------
    Fault(
        "an inference is known at its own block",
        "local_venue/references/allora_chain.py",
        "return (height - SUBMISSION_BLOCKS) // epoch * epoch",
        "return height // epoch * epoch",
        _ALLORA,
    ),
    Fault(
        "an inference is told before it is submitted",
        "local_venue/references/allora_chain.py",
        "if nonce + SUBMISSION_BLOCKS > self.height(self._world.time()):",
        "if False:",
        _ALLORA,
    ),
    Fault(
        "inferences are the same for every seed",
        "local_venue/references/allora_chain.py",
        'f"allora {self._world.seed} {asked.id} {nonce}"',
        'f"allora {asked.id} {nonce}"',
        _ALLORA,
    ),
    Fault(
        "an inference is made of the newest price",
        "local_venue/references/allora_chain.py",
        "price = self._world.prices.mean(_symbol(asked), self.time_of(nonce), 1)",
        "price = self._world.prices.mean(_symbol(asked), self._world.time(), 1)",
        _ALLORA,
    ),
    Fault(
        "the gateway answers in a version it does not speak",
        "local_venue/references/allora_rest.py",
        "return answer(request) if version == self._chain.version else _unknown(request)",
        "return answer(request)",
        _ALLORA,
    ),
    Fault(
        "the service needs no key",
        "local_venue/references/allora_rest.py",
        (
            "    async def _consumed(self, request: web.Request) -> web.Response:\n"
            '        if not request.headers.get("x-api-key", "").startswith(_KEY):\n'
        ),
        (
            "    async def _consumed(self, request: web.Request) -> web.Response:\n"
            "        if False:\n"
        ),
        _ALLORA,
    ),
)
