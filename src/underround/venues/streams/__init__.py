"""Keeping streams alive: sockets, slots, pools, lines, and what they tell about themselves."""
