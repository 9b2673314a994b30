"""Who understands the streams of a recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from underround.simulation.replay import Decoder
from underround.venues.binance.codec import BinanceDecoder
from underround.venues.codec import Tokens
from underround.venues.coinbase.codec import CoinbaseDecoder
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.rtds import RtdsDecoder

_CODECS: Final[dict[str, Callable[[Tokens], Decoder]]] = {
    "polymarket": PolymarketDecoder,
    "kalshi": KalshiDecoder,
    "rtds": RtdsDecoder,
    "binance": BinanceDecoder,
    "coinbase": CoinbaseDecoder,
}


def decoder_of(codec: str, tokens: Tokens) -> Decoder | None:
    """Return the decoder a stream names; ``None``: its frames say nothing a venue would."""
    make = _CODECS.get(codec)
    return None if make is None else make(tokens)
