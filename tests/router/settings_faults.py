"""What Hive Gateway's settings say against an environment."""

import json
import subprocess

from deploy.local import node
from deploy.local.children import ROOT

_SCRIPT = "import('./settings.mjs').then(m => m.load(JSON.parse(process.argv[1]))).catch(e => console.log(e.message))"


def router_faults(environment: dict[str, str]) -> str:
    """A line for each; empty where they can be used."""
    done = subprocess.run(
        [node.program(), "--eval", _SCRIPT, json.dumps(environment)],
        cwd=ROOT / "router/hive",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
