"""Restarting a service while it is used: its processes one after the other, or a new one beside the only one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from deploy.local.balancer import Balancer
from deploy.local.components import SCALABLE
from deploy.local.errors import LaunchError
from deploy.local.ports import Ports
from deploy.local.process.child import Child
from deploy.local.process.supervisor import Supervisor
from deploy.local.topology import Process, Topology, new_process

_DRAIN_SECONDS = 10.0
"""For requests to end; with what the process itself grants, the router's deadline. Streams may outlast it."""

Say = Callable[[str], None]


class RestartError(LaunchError):
    """A service cannot be restarted so; the message says how it can be."""


class Restarts:
    """The restarts of one launcher, one at a time. `topology` has the processes as they are now."""

    def __init__(
        self,
        topology: Topology,
        *,
        supervisor: Supervisor,
        balancer: Balancer,
        ports: Ports,
        child: Callable[[str, Process], Child],
    ) -> None:
        self.topology = topology
        self._supervisor = supervisor
        self._balancer = balancer
        self._ports = ports
        self._child = child
        self._one_at_a_time = asyncio.Lock()

    async def restart(self, service: str, say: Say, *, interrupt: bool = False) -> None:
        """Restart the processes of a service; requests to it do not fail, but with `interrupt`.

        Raises RestartError for a service that is not here, or that nothing stands in front of; StartError where a new
        process does not come up, and then the others serve on.
        """
        if service not in SCALABLE or service not in self.topology.started:
            here = ", ".join(name for name in SCALABLE if name in self.topology.started)
            raise RestartError(
                f"There is no service {service!r} to restart here; there are: {here or 'none'}."
            )
        async with self._one_at_a_time:
            processes = self.topology.balanced.get(service)
            if processes is None:
                await self._interrupted(service, say, interrupt=interrupt)
            elif len(processes) == 1:
                await self._replace(service, processes[0], say)
            else:
                for process in processes:
                    await self._one_of_several(service, process, say)

    async def _interrupted(self, service: str, say: Say, *, interrupt: bool) -> None:
        if not interrupt:
            raise RestartError(
                f"Nothing stands in front of the one process of {service}, so requests would fail meanwhile. Accept that "
                f"(--interrupt), or start the system with a balancer: supergraph up --scale {service}=1"
            )
        await self._supervisor.restart(service)
        say(f"{service} is back")

    async def _one_of_several(self, service: str, process: Process, say: Say) -> None:
        every = self.topology.balanced[service]
        await self._drain(service, every, process, say)
        try:
            await self._supervisor.restart(process.name)
        finally:
            # One that does not come back is left out by its health, and is in again as soon as it does.
            self._balancer.put(service, every)
        await self._balancer.serves(service, every)
        say(f"{process.name} is back")

    async def _replace(self, service: str, old: Process, say: Say) -> None:
        number = 2 if old.name.endswith("-1") else 1
        new = new_process(service, number, self._ports)
        say(f"{new.name} starts beside {old.name}")
        await self._supervisor.add(self._child(service, new))
        self._balancer.put(service, [old, new])
        await self._balancer.serves(service, [old, new])
        await self._drain(service, (old, new), old, say)
        self.topology = replace(self.topology, balanced={**self.topology.balanced, service: (new,)})
        await self._supervisor.remove(old.name)
        say(f"{new.name} has taken over")

    async def _drain(self, service: str, every: tuple[Process, ...], process: Process, say: Say) -> None:
        """Take a process out when its requests have ended; streams are ended by its stop, and their clients come back."""
        self._balancer.put(service, every, draining=[process.name])
        drained = await self._balancer.drained(service, process, patience=_DRAIN_SECONDS)
        say(
            f"{process.name} is drained"
            if drained
            else f"{process.name} still has streams, which are to reconnect"
        )
        rest = [other for other in every if other is not process]
        self._balancer.put(service, rest)
        await self._balancer.serves(service, rest)
