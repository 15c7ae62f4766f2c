"""MongoDB: the client, the outbox of a document, migrations."""
