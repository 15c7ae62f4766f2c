"""`supergraph report`: what was sold and given back."""

from deploy.local.service_command import ServiceCommand, of_running

COMMAND = ServiceCommand(
    name="report",
    service="orders",
    summary="show what was sold and given back: table, CSV, chart",
    description="Show what was sold and given back.",
    epilog="",
    environment=of_running("orders"),
    has_actions=False,
)
