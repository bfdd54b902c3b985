"""Who else sends mail: how each is called, and which version it is."""
