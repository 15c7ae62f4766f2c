"""The generated schemas: exported from the subgraphs, composed, and checked for drift and breaking changes.

    subgraphs/*/graphql  ──export──▶  schema/{users,products,orders}.graphql
    supergraph.yaml      ──compose─▶  schema/supergraph.graphql   for the router
                                      schema/api.graphql          what clients see, without federation's internals

`python -m deploy.tools.schema --help` lists the commands.
"""
