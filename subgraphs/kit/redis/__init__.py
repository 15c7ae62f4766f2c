"""Redis: the client of a service."""
