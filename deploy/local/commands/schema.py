"""`supergraph schema`: the commands of `deploy.tools.schema`."""

import argparse

from deploy.tools.schema import cli


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = subcommands.add_parser(
        "schema",
        help="generate and check the schemas, show what changed, and how an operation is carried out",
        description=cli.DESCRIPTION,
        epilog=cli.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_commands(command)
