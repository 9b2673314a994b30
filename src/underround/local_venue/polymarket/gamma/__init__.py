"""Gamma, the catalogue: lists, filters and the rows of markets and events."""
