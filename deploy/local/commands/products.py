"""`supergraph products`: the catalogue from and to a file."""

from deploy.local.service_command import ServiceCommand, of_running

_EPILOG = """\
actions:
  import FILE    create and change products, from CSV or JSON Lines
  export FILE    write them

examples:
  supergraph products import catalogue.csv
  supergraph products export catalogue.jsonl
  supergraph products import --help

The supergraph must run, since its database does; with PRODUCTS_DATABASE_URL set, that database is used instead.
"""

COMMAND = ServiceCommand(
    name="products",
    service="products",
    summary="import products from a file, and export them",
    description="Bring the catalogue in from a file, or write it to one.",
    epilog=_EPILOG,
    environment=of_running("products"),
)
