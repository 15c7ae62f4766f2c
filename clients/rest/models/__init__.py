"""Bodies and answers of the REST API, by the noun they speak of."""
