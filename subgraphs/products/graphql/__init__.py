"""The GraphQL surface of products: thin, over the services."""
