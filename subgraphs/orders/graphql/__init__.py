"""The GraphQL surface of orders; thin, every decision is in the layers below."""
