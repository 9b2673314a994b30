"""Doors on loopback: HTTP hosts and WebSocket hosts through which what goes wrong can go wrong."""
