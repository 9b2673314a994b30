"""The order-level engine: every order has its place, its owner and its money.

One book per market with YES and NO mirrored (``book``), the money behind it (``custody``), and the
venues' own rules on top (``polymarket``, ``kalshi``).  Pure: it is told the time and tells what
happened; nothing here reads a clock or opens a socket.
"""
