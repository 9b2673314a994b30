"""What is kept: recordings and the journal."""
