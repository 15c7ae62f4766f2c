"""Payment providers: what is needed of one, and those there are."""
