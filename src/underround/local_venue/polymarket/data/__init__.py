"""The Data API: positions, trades, activity and what they cost."""
