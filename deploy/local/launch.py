"""One run of `supergraph up`, from the options to the last child's end."""

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from deploy.local import apollo, exposure
from deploy.local import state as state_file
from deploy.local.addresses import addresses, summary
from deploy.local.balancer import Balancer
from deploy.local.children import ROOT, check_files, children, engines, service, store_urls
from deploy.local.components import BALANCER, ComponentError, processes_of, select
from deploy.local.control import Control, Say
from deploy.local.data_folder import DataFolder, Holder
from deploy.local.engines import PostgreSQL
from deploy.local.environment import Secrets, settings
from deploy.local.ports import Ports
from deploy.local.process.child import State
from deploy.local.process.runner import Limits
from deploy.local.process.supervisor import Supervisor
from deploy.local.process.wait_pid import wait_pid
from deploy.local.rolling import Restarts
from deploy.local.seed import Seed
from deploy.local.terminal import Terminal
from deploy.local.topology import PORTED, External, Topology, ignored_names, plan


async def launch(options: argparse.Namespace) -> int:
    """Start, show, wait, stop; returns the exit code. Raises LaunchError where it cannot start."""
    components, standing_in = _choose_router(
        options.router, select(only=options.only, without=options.without), options.data
    )
    shown = frozenset() if options.no_logs else select(only=options.logs or (), without=())
    scale = processes_of(options.scale)
    folder = DataFolder(options.data).open()
    ports = Ports()
    try:
        wanted = {component: getattr(options, f"{component}_port") for component in PORTED}
        topology = plan(
            components,
            external=External.read(os.environ),
            wanted=wanted,
            ports=ports,
            edge_host=options.edge_host,
            scale=scale,
        )
        if not topology.started:
            raise ComponentError(
                "Nothing is left to start: every engine chosen is replaced by an address of yours."
            )
        check_files(topology)
        terminal = Terminal(
            names=topology.names(),
            shown=lambda name: topology.component(name) in shown,
            early=options.log_level == "debug" and not options.no_logs,
        )
        folder.announce(
            Holder(pid=os.getpid(), edge=topology.edge if "edge" in topology.started else "without an edge")
        )
        if standing_in:
            terminal.say(standing_in)
        return await _Run(options, topology, folder, terminal, ports).run()
    finally:
        folder.close()


def _choose_router(asked: str, components: frozenset[str], data: Path) -> tuple[frozenset[str], str]:
    """The components with the router that was asked for, and what to say where Hive Gateway stands in for Apollo's.

    Raises ApolloError where Apollo Router was asked for and is not there.
    """
    if asked == "hive" or "apollo" not in components:
        return components - {"apollo"}, ""
    if apollo.find(os.environ, data):
        return components, ""
    if asked == "apollo":
        raise apollo.ApolloError(f"Apollo Router was not found: {apollo.INSTALL}, or set APOLLO_ROUTER_BIN.")
    return components - {"apollo"}, f"Hive Gateway routes everything; for Apollo Router: {apollo.INSTALL}"


class _Run:
    """What belongs together while the children run. Implements Watcher: it passes on to the terminal."""

    def __init__(
        self,
        options: argparse.Namespace,
        topology: Topology,
        folder: DataFolder,
        terminal: Terminal,
        ports: Ports,
    ) -> None:
        self._options = options
        self._folder = folder
        self._data = folder.path
        self._terminal = terminal
        self._ready = False
        self._end = asyncio.Event()
        self._stores = stores = engines(topology, folder.path, mongo_server=options.mongo_server)
        relaxations = exposure.relaxed(topology.edge_host, options.allow)
        if options.fresh:
            self._clear(folder, stores.postgres)
        self._urls = store_urls(topology, stores)
        self._settings = settings(
            topology,
            self._urls,
            secrets=Secrets(token=folder.services_token(), keys=folder.keys(), router=folder.router_secret()),
            relaxations=relaxations,
            log_level=options.log_level,
            root=ROOT,
            environ=os.environ,
        )
        made = self._settings["users"] | self._settings["router"]
        self._exposed = {**made, **exposure.edge_settings(relaxations, os.environ)}
        self._supervisor = Supervisor(
            children(
                topology,
                stores,
                self._settings,
                relaxations=relaxations,
                data=folder.path,
                log_level=options.log_level,
            ),
            watcher=self,
            logs=folder.path / "logs",
            cwd=ROOT,
            limits=Limits(ready=options.timeout),
        )
        balancer = Balancer(folder.path / BALANCER, topology.balancer_admin)
        if topology.balanced:
            balancer.configure(topology)
        self._restarts = Restarts(
            topology,
            supervisor=self._supervisor,
            balancer=balancer,
            ports=ports,
            child=lambda name, process: service(name, process, self._topology, self._settings[name]),
        )
        self._control = Control({"restart": self._restart})
        self._say_first(stores.postgres)
        self._seed = Seed(env=self._settings["products"], marker=folder.path / "seeded", say=terminal.say)

    @property
    def _topology(self) -> Topology:
        return self._restarts.topology

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        # Also where a shell that started us in the background had SIGINT ignored.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupt)
        tasks = [asyncio.create_task(self._start()), asyncio.create_task(self._end.wait())]
        if self._options.exit_with:
            tasks.append(asyncio.create_task(self._exit_with(self._options.exit_with)))
        try:
            self._terminal.begin()
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            self._terminal.end_of_start()
            if not self._end.is_set():
                tasks[0].result()
                self._show_ready()
                await self._end.wait()
        finally:
            self._terminal.end_of_start()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._control.close()
            await self._supervisor.stop()
            for path in self._state_files():
                path.unlink(missing_ok=True)
        self._terminal.say("Everything is stopped.")
        return 0

    def line(self, name: str, line: str) -> None:
        self._terminal.line(name, line)

    def state(self, name: str, state: State) -> None:
        self._terminal.state(name, state)
        if state is State.READY and self._ready:
            self._write_state()  # the process id is another

    def crash(self, name: str, *, how: str, last: Sequence[str], delay: float) -> None:
        self._terminal.crash(name, how=how, last=last, delay=delay)

    async def _start(self) -> None:
        seeding = asyncio.create_task(self._seed_when_ready())
        try:
            await self._supervisor.start()
            await seeding
            await self._control.open()
        finally:
            seeding.cancel()
            await asyncio.wait([seeding])

    async def _restart(self, options: Mapping[str, Any], say: Say) -> None:
        try:
            await self._restarts.restart(options["service"], say, interrupt=options["interrupt"])
        finally:
            self._write_state()

    async def _seed_when_ready(self) -> None:
        wish = self._options.seed
        ours = "products" not in self._topology.external.databases
        if "products" in self._topology.started and (ours if wish is None else wish):
            await self._supervisor.wait_ready(self._topology.processes("products")[0].name)
            await self._seed.run()

    async def _exit_with(self, pid: int) -> None:
        await wait_pid(pid)
        self._terminal.say(f"Process {pid} is gone (--exit-with).")
        self._interrupt()

    def _show_ready(self) -> None:
        self._ready = True
        self._write_state()
        more: dict[str, str] = {}
        if "mongo" in self._topology.started:
            more["MongoDB protocol"] = self._stores.mongo.server.label
        if "edge" in self._topology.started:
            more["Open to"] = exposure.summary(self._topology.edge_host, self._exposed)
        shown = summary(
            self._topology, self._urls, more, data=self._data, seconds=self._terminal.elapsed, pid=os.getpid()
        )
        self._terminal.print(shown)
        self._terminal.flow()

    def _interrupt(self) -> None:
        if self._end.is_set():
            self._terminal.say("Killing what is left.")
            self._supervisor.kill()
        else:
            self._terminal.end_of_start()
            self._terminal.say("Stopping; once more to kill.")
            self._end.set()

    def _say_first(self, postgres: PostgreSQL) -> None:
        notices = [*self._topology.notices, *ignored_names(os.environ)]
        if "edge" in self._topology.started:
            notices += exposure.warning(self._topology.edge_host, self._exposed)
        if "postgres" in self._topology.started and postgres.moved:
            notices.append(postgres.moved)
        for notice in notices:
            self._terminal.say(f"[yellow]{escape(notice)}[/]")

    def _clear(self, folder: DataFolder, postgres: PostgreSQL) -> None:
        doomed = folder.contents()
        if postgres.moved and postgres.cluster.exists():
            doomed.append(postgres.cluster)
        if doomed:
            self._terminal.say(f"[yellow]Fresh start: deleting {escape(', '.join(map(str, doomed)))}[/]")
        folder.clear()
        postgres.remove()

    def _write_state(self) -> None:
        state = {
            "pid": os.getpid(),
            "data": str(self._data),
            "ready_after": round(self._terminal.elapsed, 3),
            "addresses": addresses(self._topology, self._urls),
            "control": self._control.state,
            "children": state_file.children(
                self._topology, self._supervisor.pids, self._settings, logs=self._data / "logs"
            ),
        }
        for path in self._state_files():
            state_file.write(path, state)

    def _state_files(self) -> list[Path]:
        """One for the other commands, in the data folder, and the one that was asked for."""
        asked: Path | None = self._options.state
        return [self._folder.state, *([asked] if asked else [])]
