"""Background work, in every process: what one leaves undone another finishes."""
