"""Payment providers: the protocol, and the sandbox that stands in where no real one is configured."""
