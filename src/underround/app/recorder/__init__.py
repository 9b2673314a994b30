"""Recording: what is wanted, the parts on disk and the figures of a run."""
