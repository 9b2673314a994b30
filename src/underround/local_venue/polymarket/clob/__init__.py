"""The CLOB over REST: who asks, orders, cancels, reads and limits."""
