"""The platform every service stands on: settings, errors, HTTP, GraphQL, stores, events, RPC.

It holds no word of any domain and imports no sibling; `import-linter` checks both directions.
"""
