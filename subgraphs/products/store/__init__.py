"""All access to MongoDB, one module an aggregate.

Batch-first: results come in the order of their keys, None for what does not exist. A write that is a fact for
others puts the event into the same document, and wakes the relay that publishes it.
"""
