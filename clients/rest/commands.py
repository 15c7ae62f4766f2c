"""`openapi` and `operations`: what is generated from the code of the REST layer."""

import argparse
import sys

import orjson

from clients.rest import documents, openapi
from clients.rest.app import build
from clients.rest.router_client import open_router_client
from clients.rest.settings import Settings
from subgraphs.kit.cli import Command


async def _print_openapi(settings: Settings, _: argparse.Namespace) -> None:
    async with open_router_client(
        settings.gateway, documents.load(), router="", subscriptions=""
    ) as router_client:
        document = openapi.document(build(settings, router_client))
    _print_json(document)


async def _print_operations(_: Settings, __: argparse.Namespace) -> None:
    _print_json(documents.manifest(documents.load()))


def _print_json(document: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


OPENAPI = Command(help="print the OpenAPI document", run=_print_openapi)
OPERATIONS = Command(
    help="print the operations that are sent, as a manifest of persisted queries", run=_print_operations
)
