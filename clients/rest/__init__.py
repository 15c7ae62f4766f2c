"""REST compatibility: every endpoint is a named GraphQL operation, sent to the router over HTTP.

It knows the public schema and nothing behind it. The operations in `operations/` are validated against
`schema/api.graphql` by a test and are the whole of what this process may ask, so they double as a safelist.

Conventions of the wire: JSON with `snake_case` names; GraphQL's enum values in lower case (`"awaiting_payment"`);
money as exact JSON numbers beside an ISO 4217 `currency`; times in RFC 3339, UTC. A request body's unknown
field is refused. Pages are asked for by `page` and `limit`, or continued with the `next_cursor` of the last one.
"""
