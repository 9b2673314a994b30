"""Kalshi on loopback: members and their keys, REST, and the WebSocket, in the venue's own forms."""
