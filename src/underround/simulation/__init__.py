"""Simulated execution: one rule book, the L2 fill model, latency, the paper venue."""
