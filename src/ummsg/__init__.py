"""ummsg: reach the customers of a multisite network from the terminal."""

__version__ = "0.1.0"
