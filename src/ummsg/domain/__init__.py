"""Nouns and rules: no I/O, no clock (now is an argument)."""
