"""The report: one HTML file about one run that opens anywhere, offline and without a server."""

from underround.research.report.page import render

__all__ = ["render"]
