"""Kalshi: books of bids only, numbered per subscription."""
