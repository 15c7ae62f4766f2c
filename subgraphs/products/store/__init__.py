"""All access to MongoDB. Batch-first: results come in the order of their keys, None for what does not exist."""
