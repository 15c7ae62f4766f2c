"""`supergraph events`: what was given up on its way between the services, for who operates the system."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.running import settings_or_own
from deploy.local.service_command import ServiceCommand

_EPILOG = """\
actions:
  dead list         show events that a consumer has given up
  dead show ID      show one with its data and the reason
  dead replay ID …  hand them to their consumers once more

examples:
  supergraph events dead list --source orders
  supergraph events dead show orders/1769860800000-0
  supergraph events dead replay --all --group users.order_email

The supergraph must run, since its Redis does; with ORDERS_REDIS_URL set, that one is used instead, with the other
settings of the orders service, as EVENTS_URL, from the environment.
"""


def _environment(action: Sequence[str], data: Path) -> Mapping[str, str]:
    if {"-h", "--help"} & set(action):
        return {}
    return settings_or_own("orders", data, os.environ, asked="ORDERS_REDIS_URL")


COMMAND = ServiceCommand(
    name="events",
    service="orders",
    summary="show and replay events that were given up",
    description="Look after events that a consumer has given up after several attempts.",
    epilog=_EPILOG,
    environment=_environment,
)
