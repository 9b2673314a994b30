"""Values and rules of the field.  Imports nothing else of ours and does no I/O."""
