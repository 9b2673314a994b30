"""The relayer: submissions of wallets, their signatures and their way."""
