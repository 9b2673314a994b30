"""The local venue's chain: a real EVM node on which the matches settle.

Real are the node (``anvil``), Conditional Tokens (their own bytecode) and every transaction; ours
are the exchange, the collateral and the wallets (``contracts/``), compiled and placed where the
venue's stand.  The books of the local venue and the chain hold the same money after each block:
``mirror`` brings what the books changed onto the chain, ``watcher`` brings into the books what
ordinary accounts did there, and ``settlement`` does in both what was matched.
"""
