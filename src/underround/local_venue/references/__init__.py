"""What markets resolve on and people predict: Binance, the relays of reference prices, Allora."""
