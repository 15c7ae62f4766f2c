"""`python -m subgraphs.orders serve | migrate | schema | config | events | report`."""

from subgraphs.kit import cli
from subgraphs.kit.events import command as events
from subgraphs.orders.app import open_app, open_reports
from subgraphs.orders.commands import report
from subgraphs.orders.graphql.schema import schema
from subgraphs.orders.migrations import migrate
from subgraphs.orders.settings import OrdersSettings

SERVICE = cli.Service(
    name="orders",
    summary="Orders, payments, their states and the live status of an order.",
    settings=OrdersSettings.load,
    open_app=open_app,
    sdl=schema.as_str,
    migrate=migrate,
    commands={"events": events.COMMAND, "report": report.command(open_reports)},
)

if __name__ == "__main__":
    cli.main(SERVICE)
