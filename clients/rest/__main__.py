"""The command line: `python -m clients.rest serve | config | openapi | operations`."""

from subgraphs.kit import cli

SERVICE = cli.Service(
    name="rest",
    summary="The REST layer: HTTP and JSON in front of the supergraph.",
    settings="clients.rest.settings:Settings.load",
    open_app="clients.rest.app:open_app",
    commands={
        "openapi": ("clients.rest.commands:OPENAPI",),
        "operations": ("clients.rest.commands:OPERATIONS",),
    },
)

if __name__ == "__main__":
    cli.main(SERVICE)
