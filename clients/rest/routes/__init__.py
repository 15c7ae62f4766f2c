"""The endpoints, one module a noun; each function is one operation, or two for a conflict-safe write."""
