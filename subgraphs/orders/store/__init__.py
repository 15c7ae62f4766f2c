"""Every access to the orders database: a module for each aggregate, batch-first.

A store works through one connection, in whatever transaction that is, and never commits. What changes an
order also writes the events that tell of it, in the same transaction.
"""
