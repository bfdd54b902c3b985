"""Bringing customers, products and memberships in from files."""
