"""Polymarket's CLOB: books with a hash of their own; RTDS relays reference prices."""
