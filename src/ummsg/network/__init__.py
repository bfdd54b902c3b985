"""The multisite network: what it says over HTTP, and what it is told."""
