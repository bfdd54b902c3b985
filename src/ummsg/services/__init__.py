"""Use cases; each owns one transaction boundary."""
