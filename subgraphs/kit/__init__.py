"""The platform under every service: settings, errors, logs, HTTP, GraphQL, gRPC, stores, events, background jobs.

The three subgraphs stand on all of it, and the REST layer on what is not about GraphQL or a store: nothing that REST
imports loads Strawberry or a driver. The kit holds no word of any domain and imports no sibling; `import-linter`
checks both directions.
"""
