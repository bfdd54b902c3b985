"""The terminal: parse, ask, show; no rules."""
