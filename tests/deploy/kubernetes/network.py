"""Which pods may talk, by the NetworkPolicies: both ends must allow it, as Kubernetes has it."""

from typing import Any

from tests.deploy.kubernetes.manifests import Object, pods

Flow = tuple[str, str, int]


def allowed(objects: list[Object]) -> set[Flow]:
    """From, to and port of what may be called among the pods."""
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    everybody = list(pods(objects))
    flows = set()
    for source, _, from_labels in everybody:
        for target, spec, to_labels in everybody:
            ports = {
                port["name"]: port["containerPort"] for c in spec["containers"] for port in c.get("ports", ())
            }
            for name, port in ports.items():
                leaves = _opens(policies, from_labels, to_labels, "egress", name, port)
                if leaves and _opens(policies, to_labels, from_labels, "ingress", name, port):
                    flows.add((source, target, port))
    return flows


def _opens(  # noqa: PLR0917
    policies: list[Any], mine: dict[str, str], others: dict[str, str], way: str, name: str, port: int
) -> bool:
    """Whether a pod that is `mine` may talk that `way` with `others`."""
    about_me = [
        one for one in policies if selects(one["podSelector"], mine) and way.title() in one["policyTypes"]
    ]
    peers = {"egress": "to", "ingress": "from"}[way]
    rules = [rule for one in about_me for rule in one.get(way, ())]
    return not about_me or any(
        any(one.get("port") in {name, port} for one in rule["ports"])
        and any(_is_peer(peer, others) for peer in rule[peers])
        for rule in rules
    )


def _is_peer(peer: dict[str, Any], labels: dict[str, str]) -> bool:
    """Of pods of the same namespace; other namespaces and addresses are not pods of ours."""
    return peer.keys() == {"podSelector"} and selects(peer["podSelector"], labels)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", ())
    assert all(one["operator"] == "In" for one in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )
