"""`products`: the catalogue from and to a file."""

import argparse
from pathlib import Path

from subgraphs.kit.auth.viewer import Viewer
from subgraphs.kit.cli import Command, file_named, typed_by
from subgraphs.products.commands import exports, imports
from subgraphs.products.commands.catalogue_formats import FORMATS
from subgraphs.products.domain.permissions import Permission
from subgraphs.products.settings import ProductsSettings

_FILES = """\
CSV has a head and then a product a row; JSON Lines an object a line. The fields are:
  sku          what the product is known by: 1 to 64 letters, digits, '.', '_', '/' and '-'
  name, price  a new product needs them; the price in major units, 12.50
  currency     ISO 4217 (default: USD)
  stock        units that can be ordered (default: 0)
  description  text
  category     a name, a slug or an id; or the way from the top, Home > Lighting, or in JSON ["Home", "Lighting"].
               Created where it is missing. A backslash stands before a > or a comma that belongs to a name or tag
  tags         in CSV between commas, in JSON an array
  active       true or false: whether it is sold (default: true)
In JSON Lines a line {"type": "category", "slug", "name", "parent": slug, "description"} adds a category.
"""

_IMPORT = f"""\
Create and change products, known by their SKU. What a line leaves out stays as it is; null, or in CSV an empty cell of
description, category or tags, takes away. A line that is in already changes nothing, so an import that was
interrupted is finished by running it again. Lines that break a rule are refused with their number and the reason, and
the others are in all the same.

{_FILES}
Leave out `stock` where sales go on: the stock that a file names is the one that the product gets.
In CSV an apostrophe before =, +, - or @ is taken away; the export puts it there, so that no spreadsheet runs the text.
"""

_IMPORT_STATUS = f"""\
exit status:
  0  every line is in
  1  the file or the store could not be used; what was taken until then is in
  2  misused
  {imports.SOME_REFUSED}  some lines were refused; the others are in

examples:
  supergraph products import catalogue.csv
  supergraph products import catalogue.csv --refused refused.csv
  zcat catalogue.jsonl.gz | supergraph products import - --format jsonl
"""

_EXPORT = f"""\
Write the products by SKU, without those that were deleted, as `products import` reads them. JSON Lines has the
categories too, with slug and description. Pictures stay behind.

{_FILES}
"""

_EXPORT_EXAMPLES = """\
examples:
  supergraph products export catalogue.csv
  supergraph products export catalogue.jsonl --active
  supergraph products export - --format jsonl | gzip > catalogue.jsonl.gz
"""


def command(open_import: imports.OpenImport, open_export: exports.OpenExport) -> Command:
    async def run(settings: ProductsSettings, options: argparse.Namespace) -> None:
        operator = Viewer(user_id=typed_by(), permissions=frozenset({Permission.MANAGE_PRODUCTS}))
        if options.action == "import":
            await imports.run(open_import, settings, options, operator)
        else:
            await exports.run(open_export, settings, options, operator)

    return Command(help="import products from a file, and export them", run=run, add_arguments=_arguments)


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    importing = _action(actions, "import", "create and change products from a file", _IMPORT, _IMPORT_STATUS)
    importing.add_argument("file", metavar="FILE", type=_file, help="the file; - is standard input")
    importing.add_argument("--format", choices=FORMATS, help="where the suffix does not tell")
    importing.add_argument(
        "--refused", metavar="FILE", type=file_named, help="write the refused lines there, as CSV"
    )
    importing.add_argument(
        "--only-missing",
        action="store_true",
        help="pass over products that are there already, as people left them",
    )

    exporting = _action(actions, "export", "write products into a file", _EXPORT, _EXPORT_EXAMPLES)
    exporting.add_argument(
        "file", metavar="FILE", type=_file, help="the file, which is replaced; - is standard output"
    )
    exporting.add_argument("--format", choices=FORMATS, help="where the suffix does not tell")
    which = exporting.add_mutually_exclusive_group()
    which.add_argument("--active", action="store_const", const=True, help="only what is sold")
    which.add_argument(
        "--inactive", dest="active", action="store_const", const=False, help="only what is not sold"
    )


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    return actions.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _file(text: str) -> Path | None:
    return None if text == "-" else file_named(text)
