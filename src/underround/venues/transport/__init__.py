"""Requests over HTTP: connections, failures, the order line and its budget."""
