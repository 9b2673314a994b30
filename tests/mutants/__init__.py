"""Faults planted on purpose: ``python -m tests.mutants`` proves that the tests notice them."""
