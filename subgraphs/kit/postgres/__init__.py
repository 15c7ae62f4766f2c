"""PostgreSQL: the pool, the transactional outbox, migrations."""
