"""Gamma, the catalogue: its pages, words and the listings made of them."""
