"""Write what Apollo Router reads in its container: `python -m deploy.docker.apollo FOLDER SECRET_FILE`.

Its own router/apollo/router.yaml, but that it reads the router's secret from a file; the scripts and the supergraph
beside it.
"""

import shutil
import sys
from pathlib import Path

from deploy.local.apollo import FOLDER
from deploy.local.edge import TemplateError

_IN_ENVIRONMENT = "${env.ROUTER_SECRET:-}"
_SUPERGRAPH = FOLDER.parents[1] / "schema" / "supergraph.graphql"


def write(target: Path, *, secret_file: str) -> None:
    """Raises TemplateError where the configuration has no place for the secret."""
    configuration = (FOLDER / "router.yaml").read_text()
    if _IN_ENVIRONMENT not in configuration:
        raise TemplateError(f"router.yaml has no {_IN_ENVIRONMENT}")
    target.mkdir(parents=True, exist_ok=True)
    read_from_file = f"${{file.{secret_file}}}"
    (target / "router.yaml").write_text(configuration.replace(_IN_ENVIRONMENT, read_from_file))
    shutil.copytree(FOLDER / "rhai", target / "rhai", dirs_exist_ok=True)
    shutil.copyfile(_SUPERGRAPH, target / "supergraph.graphql")


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 - the command and its two arguments
        sys.exit("usage: python -m deploy.docker.apollo FOLDER SECRET_FILE")
    write(Path(sys.argv[1]), secret_file=sys.argv[2])
