"""Pure rules: products, categories, prices, lists, reservations and their events. Nothing here awaits."""
