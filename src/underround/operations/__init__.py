"""How it is run: configuration, halt flag, logging."""
