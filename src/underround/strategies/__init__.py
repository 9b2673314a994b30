"""Strategies: one file each; the only thing a strategy author writes."""
