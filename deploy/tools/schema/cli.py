"""`python -m deploy.tools.schema`, and `supergraph schema`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from graphql import build_schema

from deploy.tools.schema import breaking, deprecations, drift, generate, plans, usage
from deploy.tools.schema.errors import SchemaError

DESCRIPTION = "Generate, check and look into the schemas in schema/."
EPILOG = """\
A change of the API that breaks clients fails the check. Where it is decided on, put the sentence that the check prints
into schema/accepted-breaks.txt, and the reason above it as a comment. What is deprecated says what to use instead and
since when: @deprecated(reason: "Use … Since 2026-11-24.").

Rover takes the same file: rover supergraph compose --config supergraph.yaml
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.tools.schema",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_commands(parser)
    options = parser.parse_args(arguments)
    return int(options.run(options))


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below `parser`; each sets `run`, which returns an exit code."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], bool], summary: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(run=partial(_exit_code, run))
        return command

    add("export", _export, "Write schema/{users,products,orders}.graphql from the subgraphs' code.")
    add("compose", _compose, "Write schema/supergraph.graphql and schema/api.graphql from supergraph.yaml.")
    add("openapi", _openapi, "Write schema/openapi.json from the REST layer's code.")
    add(
        "operations",
        _operations,
        "Write schema/operations.json, and Apollo Router's safelist, from our clients.",
    )
    add("all", _all, "Export, compose, and write the OpenAPI document and the operations.")
    check = add("check", _check, "Fail where the files are not up to date, or the API breaks its clients.")
    _add_base(check)
    diff = add(
        "diff", _diff, "Show every change of the API, and the operations of our clients that it touches."
    )
    _add_base(diff)
    plan = add("plan", _plan, "Show which subgraphs the router asks for an operation, and in which order.")
    plan.add_argument(
        "operation",
        metavar="OPERATION",
        help="a name in schema/operations.json, a file, the text itself, or - for standard input",
    )
    plan.add_argument("--name", help="which operation of the text, where it has several")


def _add_base(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--base",
        default="HEAD",
        metavar="REV",
        help="git revision whose API schema clients rely on (default: %(default)s; on a branch, where it left main)",
    )


def _exit_code(run: Callable[[argparse.Namespace], bool], options: argparse.Namespace) -> int:
    try:
        return 0 if run(options) else 1
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _export(_: argparse.Namespace) -> bool:
    return _report(generate.export())


def _compose(_: argparse.Namespace) -> bool:
    return _report(generate.compose())


def _openapi(_: argparse.Namespace) -> bool:
    return _report(generate.openapi())


def _operations(_: argparse.Namespace) -> bool:
    return _report(generate.operations())


def _all(_: argparse.Namespace) -> bool:
    return _report([*generate.export(), *generate.compose(), *generate.openapi(), *generate.operations()])


def _check(options: argparse.Namespace) -> bool:
    differences = drift.drift()
    for difference in differences:
        _say(difference)
    if differences:
        _say("\nThe files in schema/ are not what the code generates: python -m deploy.tools.schema all")
    else:
        _say("schema/: up to date")
    undated = _undated()
    for fault in undated:
        _say(fault)
    return _check_breaking(options.base) and not differences and not undated


def _undated() -> list[str]:
    file = generate.SCHEMAS / generate.API
    return deprecations.faults(build_schema(file.read_text())) if file.exists() else []


def _check_breaking(base: str) -> bool:
    file = generate.SCHEMAS / generate.API
    before = breaking.committed_api(base)
    if before is None:
        _say(f"schema/api.graphql: nothing committed at {base} to compare with")
        return True
    if not file.exists():
        return False  # reported as drift
    changes = breaking.compare(before, file.read_text(), accepted=breaking.accepted_breaks())
    _list("warning", changes.dangerous, before)
    _list("breaks clients", changes.breaking, before)
    if not changes.breaking:
        _say(f"schema/api.graphql: no client of {base} breaks")
    return not changes.breaking


def _diff(options: argparse.Namespace) -> bool:
    before = breaking.committed_api(options.base)
    if before is None:
        raise SchemaError(f"Nothing is committed at {options.base} to compare with.")
    changes = breaking.compare(before, (generate.SCHEMAS / generate.API).read_text())
    _list("breaking", changes.breaking, before)
    _list("dangerous", changes.dangerous, before)
    _list("safe", changes.safe, before)
    if changes == breaking.Changes((), ()):
        _say(f"The API is that of {options.base}.")
    return True


def _list(kind: str, sentences: Sequence[str], before: str) -> None:
    """Each change, with the operations of the manifest that use what it is about."""
    manifest = generate.SCHEMAS / generate.OPERATIONS
    operations = usage.read(manifest) if sentences and manifest.exists() else {}
    by_operation = usage.used(build_schema(before), operations) if operations else {}
    for sentence in sentences:
        touched = usage.affected(sentence, by_operation) if kind != "safe" else []
        _say(f"{kind}: {sentence}" + (f" It touches {', '.join(touched)}." if touched else ""))


def _plan(options: argparse.Namespace) -> bool:
    _say(plans.plan(_text(options.operation), options.name))
    return True


def _text(operation: str) -> str:
    """What the argument stands for. Raises SchemaError where that is nothing."""
    known = usage.read(generate.SCHEMAS / generate.OPERATIONS)
    if operation in known:
        return known[operation]
    if operation == "-":
        return sys.stdin.read()
    if "{" in operation:
        return operation
    if Path(operation).is_file():
        return Path(operation).read_text()
    raise SchemaError(
        f"{operation!r} is no operation of the manifest, no file and no GraphQL. There are {', '.join(known)}."
    )


def _report(files: Sequence[object]) -> bool:
    for file in files:
        _say(f"wrote {file}")
    return True


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
