"""From frames to trusted books."""
