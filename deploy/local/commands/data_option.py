"""The option that says which data folder is meant."""

import argparse
from pathlib import Path

from deploy.local.children import ROOT

DEFAULT = ROOT / ".supergraph"


def add(
    command: "argparse.ArgumentParser | argparse._ArgumentGroup",
    *,
    means: str = "data folder of the supergraph that is meant",
) -> None:
    command.add_argument(
        "--data",
        metavar="FOLDER",
        type=Path,
        default=DEFAULT,
        help=f"{means} (default: .supergraph in the checkout)",
    )
