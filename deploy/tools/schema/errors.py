class SchemaError(Exception):
    """The schemas cannot be generated or do not pass; the message is for the person at the terminal."""
