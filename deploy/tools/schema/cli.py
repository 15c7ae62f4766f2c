"""`python -m deploy.tools.schema`."""

import argparse
import sys
from collections.abc import Sequence

from deploy.tools.schema import breaking, drift, generate
from deploy.tools.schema.errors import SchemaError

_EPILOG = """\
A change of the API that breaks clients fails the check. Where it is decided on, put the sentence that the check prints
into schema/accepted-breaks.txt, and the reason above it as a comment.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        passed: bool = options.run(options)
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.tools.schema",
        description="Generate and check the schemas in schema/.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: object, summary: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(run=run)
        return command

    add("export", _export, "Write schema/{users,products,orders}.graphql from the subgraphs' code.")
    add("compose", _compose, "Write schema/supergraph.graphql and schema/api.graphql from supergraph.yaml.")
    add("openapi", _openapi, "Write schema/openapi.json from the REST layer's code.")
    add(
        "operations",
        _operations,
        "Write schema/operations.json, and the safelist of Apollo Router, from our clients.",
    )
    add("all", _all, "Export, compose, and write the OpenAPI document and the operations.")
    check = add("check", _check, "Fail where the files are not up to date, or the API breaks its clients.")
    check.add_argument(
        "--base",
        default="HEAD",
        metavar="REV",
        help="git revision whose API schema clients rely on (default: %(default)s; on a branch, where it left main)",
    )
    return parser


def _export(_: argparse.Namespace) -> bool:
    _report(generate.export())
    return True


def _compose(_: argparse.Namespace) -> bool:
    _report(generate.compose())
    return True


def _openapi(_: argparse.Namespace) -> bool:
    _report(generate.openapi())
    return True


def _operations(_: argparse.Namespace) -> bool:
    _report(generate.operations())
    return True


def _all(_: argparse.Namespace) -> bool:
    _report([*generate.export(), *generate.compose(), *generate.openapi(), *generate.operations()])
    return True


def _check(options: argparse.Namespace) -> bool:
    differences = drift.drift()
    for difference in differences:
        _say(difference)
    if differences:
        _say("\nThe files in schema/ are not what the code generates: python -m deploy.tools.schema all")
    else:
        _say("schema/: up to date")
    return _check_breaking(options.base) and not differences


def _check_breaking(base: str) -> bool:
    before = breaking.committed_api(base)
    if before is None:
        _say(f"schema/api.graphql: nothing committed at {base} to compare with")
        return True
    file = generate.SCHEMAS / generate.API
    if not file.exists():
        return False  # reported as drift
    changes = breaking.compare(before, file.read_text(), accepted=breaking.accepted_breaks())
    for change in changes.dangerous:
        _say(f"warning: {change}")
    for change in changes.breaking:
        _say(f"breaks clients: {change}")
    if not changes.breaking:
        _say(f"schema/api.graphql: no client of {base} breaks")
    return not changes.breaking


def _report(files: Sequence[object]) -> None:
    for file in files:
        _say(f"wrote {file}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
