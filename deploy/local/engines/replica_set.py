"""A replica set of one node: what a fresh `mongod` must be told before it has transactions and change streams."""

from typing import Any

import bson

from deploy.local.process.probes import NotReady, mongo_command

SET = "supergraph"
_NOT_YET_INITIALIZED = 94


def ensure_primary(host: str, port: int) -> None:
    """Return when the node takes writes; raise NotReady otherwise, having told it what it still lacks.

    The port of a start may be another than that of the last one. The set's configuration then names a node that is
    not there, and no primary is elected until it is given the new address by force.
    """
    if _run(host, port, {"hello": 1}).get("isWritablePrimary"):
        return
    address = f"{host}:{port}"
    answer = _run(host, port, {"replSetGetConfig": 1})
    if answer.get("code") == _NOT_YET_INITIALIZED:
        members = [{"_id": 0, "host": address}]
        _told(_run(host, port, {"replSetInitiate": {"_id": SET, "members": members}}))
    elif "config" in answer:
        config = answer["config"]
        if [member["host"] for member in config["members"]] != [address]:
            config["members"] = [{**config["members"][0], "host": address}]
            config["version"] += 1
            _told(_run(host, port, {"replSetReconfig": config, "force": True}))
    raise NotReady(f"{address} has not been elected primary yet")


def _run(host: str, port: int, command: dict[str, Any]) -> dict[str, Any]:
    asked = bson.encode(command if "$db" in command else {**command, "$db": "admin"})
    answer: dict[str, Any] = bson.decode(mongo_command(host, port, asked))
    return answer


def _told(answer: dict[str, Any]) -> None:
    if not answer.get("ok"):
        raise NotReady(f"mongod refuses the replica set: {answer.get('errmsg')}")
