"""Coinbase Exchange: a reference price, never a venue we trade on."""
