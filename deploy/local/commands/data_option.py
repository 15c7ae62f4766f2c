"""The option that says which data folder is meant."""

import argparse
from pathlib import Path

from deploy.local.children import ROOT


def add(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        metavar="FOLDER",
        type=Path,
        default=ROOT / ".supergraph",
        help="data folder of the supergraph that is meant (default: .supergraph in the checkout)",
    )
