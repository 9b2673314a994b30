"""The relayer: wallet transactions sent without gas."""
