"""Whether an unknown account answers a login as slowly as a known one with a wrong password."""

import statistics
import time

import httpx

from tests.bench.report import Row
from tests.harness import launcher

_PAIRS = 40
_LIMIT = 0.05


async def measure(addresses: dict[str, str]) -> list[Row]:
    users = addresses["users"]
    mutation = "mutation L($i: LoginInput!) { login(input: $i) { __typename } }"
    known: list[float] = []
    unknown: list[float] = []
    async with httpx.AsyncClient(timeout=30, headers=launcher.AS_THE_ROUTER) as client:
        register = "mutation R($i: RegisterInput!) { register(input: $i) { __typename } }"
        for n in range(_PAIRS):
            person = {"username": f"bench{n}", "email": f"bench{n}@example.com", "password": "password123"}
            await client.post(f"{users}/graphql", json={"query": register, "variables": {"i": person}})
        # Alternating, so that whatever else the machine does falls on both.
        for n in range(_PAIRS):
            for name, samples in ((f"bench{n}", known), (f"nobody{n}", unknown)):
                wish = {"email": f"{name}@example.com", "password": "wrong-password"}
                started = time.perf_counter()
                await client.post(f"{users}/graphql", json={"query": mutation, "variables": {"i": wish}})
                samples.append((time.perf_counter() - started) * 1000)
    a, b = statistics.median(known), statistics.median(unknown)
    difference = abs(a - b) / a
    beside = f"known {a:.1f} ms, unknown {b:.1f} ms"
    return [
        Row(
            "failed login, known and unknown account, medians",
            f"{difference:.1%}",
            beside,
            "≤ 5 %",
            difference <= _LIMIT,
        )
    ]
