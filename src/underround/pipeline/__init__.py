"""Bulk history: importers of other people's recordings."""
