"""Goldsky's subgraph of Polymarket's first exchanges: history until 2026-04-28."""
