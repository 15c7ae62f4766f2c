"""deploy/kubernetes as data: what `kubectl apply -k` would send, for the part of kustomize that is used there.

Those are resources, a namespace, labels, images, and patches as JSON Patch (RFC 6902); where kubectl is installed, a test
compares what both make of them.
"""

import copy
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.local.children import ROOT

FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = ("local", "production")
_CLUSTER_WIDE = ("Namespace",)
_KNOWN = {"apiVersion", "kind", "namespace", "resources", "labels", "images", "patches"}

Object = dict[str, Any]


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization."""
    file = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert file.keys() <= _KNOWN, f"{folder} uses {file.keys() - _KNOWN}"
    objects: list[Object] = []
    for resource in file["resources"]:
        path = folder / resource
        objects += render(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    for patch in file.get("patches", ()):
        for target in [one for one in objects if _is_target(one, patch["target"])]:
            for operation in yaml.safe_load((folder / patch["path"]).read_text()):
                _apply(target, operation)
    for one in objects:
        if one["kind"] not in _CLUSTER_WIDE:
            one["metadata"]["namespace"] = file["namespace"]
        for label in file.get("labels", ()):
            for labelled in [one, *([template] if (template := _template(one)) else [])]:
                labelled.setdefault("metadata", {}).setdefault("labels", {}).update(label["pairs"])
        for image in file.get("images", ()):
            _tag(one, image)
    return objects


def _is_target(one: Object, target: dict[str, str]) -> bool:
    return bool(
        re.fullmatch(target["kind"], one["kind"])
        and re.fullmatch(target.get("name", ".*"), one["metadata"]["name"])
    )


def _apply(document: Any, operation: dict[str, Any]) -> None:
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:])
    for part in parents:
        document = document[int(part)] if isinstance(document, list) else document[part]
    if operation["op"] != "add":
        assert last in document, operation  # what is to be replaced or removed is there
    if operation["op"] == "remove":
        del document[last]
    elif last == "-":
        document.append(copy.deepcopy(operation["value"]))
    else:
        document[last] = copy.deepcopy(operation["value"])


def _tag(one: Object, image: dict[str, str]) -> None:
    for container in containers(one):
        if container["image"].partition(":")[0] == image["name"]:
            container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def _template(one: Object) -> Object | None:
    return (
        one.get("spec", {}).get("template") if one["kind"] in {"Deployment", "StatefulSet", "Job"} else None
    )


def pod(one: Object) -> Object | None:
    """The specification of the pods that an object makes."""
    template = _template(one)
    return template["spec"] if template else None


def containers(one: Object) -> list[Object]:
    spec = pod(one) or {}
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]


def pods(objects: list[Object]) -> Iterator[tuple[str, Object, dict[str, str]]]:
    """Name, specification and labels of all pods."""
    for one in objects:
        if template := _template(one):
            yield one["metadata"]["name"], template["spec"], template["metadata"]["labels"]


def environment(container: Object, objects: list[Object]) -> dict[str, str]:
    """What a container finds in its environment."""
    maps = {one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]]
    return found | {one["name"]: one["value"] for one in container.get("env", ())}


def secrets() -> dict[str, dict[str, str]]:
    """What secrets.sh prints, by name and key."""
    done = subprocess.run(["sh", FOLDER / "secrets.sh"], capture_output=True, text=True, check=True)
    return {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(done.stdout) if one}
