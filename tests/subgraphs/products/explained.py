"""How the server would answer a `find`."""

from collections.abc import Iterator
from typing import Any

from subgraphs.kit.mongo.client import Database


async def stages_of(database: Database, command: dict[str, Any]) -> set[str]:
    """The stages of the plan that it chose."""
    wanted = {name: command[name] for name in ("find", "filter", "sort", "limit") if name in command}
    answer = await database.command("explain", wanted, verbosity="queryPlanner")
    return set(_stages(answer["queryPlanner"]["winningPlan"]))


def _stages(plan: dict[str, Any]) -> Iterator[str]:
    if "stage" in plan:
        yield plan["stage"]
    for inner in (plan.get("queryPlan"), plan.get("inputStage"), *plan.get("inputStages", ())):
        if inner:
            yield from _stages(inner)
