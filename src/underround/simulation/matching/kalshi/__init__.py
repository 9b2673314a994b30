"""Kalshi's exchange: its own money, sides, groups and rules over the common book."""
