"""Pure rules: the catalogue, its text, and the life of a reservation. Nothing here awaits."""
