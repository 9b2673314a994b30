"""Underround: an open trading platform for prediction markets.

An *underround* is a book whose outcome prices sum to less than one. Everything that can be
imported lives in a room of its own (``model``, ``venues``, ``market`` …); this module only knows
the version that is installed.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("underround")
