"""`supergraph stock`: whether the stock and the reservations of orders agree."""

from deploy.local.service_command import ServiceCommand, of_running

_EPILOG = """\
actions:
  reconcile   report where stock and reservations do not agree; --repair mends it

examples:
  supergraph stock reconcile
  supergraph stock reconcile --repair --pinned-for 12h

The supergraph must run, since its database does; with PRODUCTS_DATABASE_URL set, that database is used instead.
"""

COMMAND = ServiceCommand(
    name="stock",
    service="products",
    summary="compare the stock with the reservations of orders",
    description="Look after the stock, while the supergraph serves.",
    epilog=_EPILOG,
    environment=of_running("products"),
)
