"""The engine: risk, executor, leg groups.  Synchronous, told the time, no I/O."""
