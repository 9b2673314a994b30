"""Polymarket's servers on loopback: REST, streams, catalogue, relayer."""
