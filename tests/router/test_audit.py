"""GraphQL over HTTP by the public audit of `graphql-http`, against each router that is here."""

import json
import subprocess
from pathlib import Path

from deploy.local import node
from tests.router.processes import Process

AUDITS = 61
# To who accepts application/json only, Apollo Router answers 400 to a document that does not parse, is not valid, or whose
# variables do not fit, where 200 is recommended; neither configuration nor rhai reach that status.
KNOWN = {"hive": {}, "apollo": {"572B": "warn", "FDE2": "warn", "7B9B": "warn"}}


def audit(url: str) -> list[dict[str, str]]:
    """Each audit with its outcome: `ok`, `notice`, `warn` (a SHOULD) or `error` (a MUST)."""
    script = Path(__file__).with_name("audit.mjs")
    done = subprocess.run([node.program(), script, url], capture_output=True, text=True, check=True)
    rows: list[dict[str, str]] = json.loads(done.stdout)
    return rows


def test_every_audit_passes(engine: Process) -> None:
    rows = audit(f"{engine.url}/graphql")
    assert len(rows) == AUDITS
    failed = {row["id"]: row["status"] for row in rows if row["status"] != "ok"}
    assert failed == KNOWN[engine.name], rows
