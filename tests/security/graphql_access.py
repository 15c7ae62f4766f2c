"""One actor's access to a GraphQL endpoint: which fields it is shown, and which mutations it may run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

SHOWN, HIDDEN, ABSENT, DONE = "shown", "hidden", "absent", "done"
UPLOAD = "$upload"
"""Stands for a file in a call; it stays a variable."""
# The types by which a mutation says that the actor may not run it; every other outcome is about the input.
_REFUSALS = {"AuthenticationError", "PermissionError", "NotFoundError"}


@dataclass(frozen=True)
class GraphQLAccess:
    """An endpoint, the token of an actor, and the values that calls may name as `$order`."""

    http: httpx.AsyncClient
    url: str
    token: str | None
    variables: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(self, query: str) -> dict[str, Any]:
        answer = await self.http.post(
            self.url, json={"query": filled(query, self.variables)}, headers=self.headers
        )
        body: dict[str, Any] = answer.json()
        return body

    async def _post_file(self, query: str) -> dict[str, Any]:
        """As `post`, with a file that is no image as the variable UPLOAD."""
        variable = UPLOAD[1:]
        operation = {"query": filled(query, self.variables), "variables": {variable: None}}
        answer = await self.http.post(
            self.url,
            data={
                "operations": orjson.dumps(operation).decode(),
                "map": orjson.dumps({"0": [f"variables.{variable}"]}).decode(),
            },
            files={"0": b"no image"},
            headers={**self.headers, "apollo-require-preflight": "true"},
        )
        body: dict[str, Any] = answer.json()
        return body

    async def outcomes(
        self, path: Sequence[str], calls: Mapping[str, str], *, composite: set[str]
    ) -> dict[str, str]:
        """SHOWN, HIDDEN, ABSENT or an error's code for each field in `calls` of the object at `path`, in one operation."""
        selections = " ".join(
            f"{call} {{ __typename }}" if name in composite else call for name, call in calls.items()
        )
        body = await self.post(_nested(path, selections))
        parent = _object_at(body.get("data"), path)
        codes = [error["extensions"]["code"] for error in body.get("errors", ())]
        if parent is None:
            outcome = codes[0] if codes else ABSENT
            return dict.fromkeys(calls, outcome)
        assert not codes, f"{codes} beside data: ask for these fields alone: {list(calls)}"
        return {name: HIDDEN if parent[name] is None else SHOWN for name in calls}

    async def mutate(self, name: str, call: str) -> str:
        """DONE where the actor may run it, else the type of the error."""
        selection = f"{call} {{ __typename }}"
        if UPLOAD in call:
            body = await self._post_file(f"mutation (${UPLOAD[1:]}: Upload!) {{ {selection} }}")
        else:
            body = await self.post(f"mutation {{ {selection} }}")
        assert "errors" not in body, body
        typename = str(body["data"][name]["__typename"])
        return typename if typename in _REFUSALS else DONE


def filled(text: str, variables: Mapping[str, str]) -> str:
    """`text` with each `$name` as a string literal, but for UPLOAD."""

    def literal(found: re.Match[str]) -> str:
        return UPLOAD if found[0] == UPLOAD else orjson.dumps(variables[found[1]]).decode()

    return re.sub(r"\$(\w+)", literal, text)


def entity(typename: str, variable: str) -> str:
    """The step of a path that asks a subgraph for an entity, as the router does."""
    return f'_entities(representations: [{{__typename: "{typename}", id: ${variable}}}]) {{ ... on {typename}'


def _nested(path: Sequence[str], selections: str) -> str:
    opened = "".join(f"{{ {step} " for step in path)
    closed = "".join(" } }" if " { ... on " in step else " }" for step in path)
    return f"{opened}{{ {selections} }}{closed}"


def _object_at(data: Any, path: Sequence[str]) -> Any:
    """The object at `path`, the first one of each list; None where there is none."""
    for step in path:
        data = (data or {}).get(re.split(r"\W", step, maxsplit=1)[0])
        if isinstance(data, list):
            data = data[0] if data else None
    return data
