"""The public's books, and the market and user channels that tell them."""
