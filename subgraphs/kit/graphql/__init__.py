"""What the three schemas share: scalars, money, errors as data, connections, the schema itself."""
