"""Backup and restore of the embedded default: one archive with what its three stores and its data folder keep.

The order of reading makes the parts fit: orders, then users, then products, then Redis.

- Each order's account and holds were there before the order, so what is read later has them.
- A hold whose order was placed while the backup went on is let go at its end, as one whose order was lost is.
- An event is in a stream before its outbox says that it was published, so none is missing; one may come twice, which
  consumers are made for.
"""
