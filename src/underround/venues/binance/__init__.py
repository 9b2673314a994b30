"""Binance spot: a reference price, never a venue we trade on."""
