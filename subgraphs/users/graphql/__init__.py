"""The users subgraph's schema: thin over the service."""
