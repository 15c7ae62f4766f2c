"""What is served over plain HTTP, beside GraphQL."""
