"""Search: how text becomes terms, a query a set of them, and products that have them a ranking. Pure."""
