"""What calls of wallets do when there is no chain: kept in the books, all or none."""
