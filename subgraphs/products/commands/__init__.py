"""Commands of the service beside serve, migrate and schema."""
