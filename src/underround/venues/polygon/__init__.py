"""Polygon PoS: the chain on which Polymarket's positions live, read and written by JSON-RPC."""
