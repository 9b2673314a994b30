"""Importers of other people's market data: one file per kind of source."""
