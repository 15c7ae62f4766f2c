"""The commands that a client sends to MongoDB."""

from typing import Any

from pymongo import monitoring


class SentCommands(monitoring.CommandListener):
    """Their names and themselves, in their order, and the last one of each name."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.whole: list[dict[str, Any]] = []
        self.last: dict[str, dict[str, Any]] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append(event.command_name)
        self.whole.append(dict(event.command))
        self.last[event.command_name] = dict(event.command)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass
