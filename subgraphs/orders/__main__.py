"""`python -m subgraphs.orders serve | migrate | schema | config | events | report`."""

from subgraphs.kit import cli

SERVICE = cli.Service(
    name="orders",
    summary="Orders, payments, their states and the live status of an order.",
    settings="subgraphs.orders.settings:OrdersSettings.load",
    open_app="subgraphs.orders.app:open_app",
    sdl="subgraphs.orders.graphql.schema:schema.as_str",
    migrate="subgraphs.orders.migrations:migrate",
    commands={
        "events": ("subgraphs.kit.events.command:COMMAND",),
        "report": ("subgraphs.orders.commands.report:command", "subgraphs.orders.app:open_reports"),
    },
)

if __name__ == "__main__":
    cli.main(SERVICE)
