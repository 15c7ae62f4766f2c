"""A small SMTP server (RFC 5321) that keeps what it is given, and can be told to refuse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class SmtpServer:
    port: int = 0
    emails: list[EmailMessage] = field(default_factory=list)
    # What it answers to a command instead of yes, such as {"RCPT": "550 no such box"}.
    answers: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        await say("220 test")
        while line := (await reader.readline()).decode().strip():
            command = line.split()[0].upper()
            self.commands.append(line)
            if command in self.answers:
                await say(self.answers[command])
            elif command == "DATA":
                await say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self.emails.append(message_from_bytes(raw[:-3], policy=policy.default))
                await say("250 taken")
            elif command == "QUIT":
                await say("221 bye")
                break
            else:
                extended = "250-test\r\n250 AUTH PLAIN"
                await say({"AUTH": "235 welcome", "EHLO": extended}.get(command, "250 fine"))
        writer.close()


@asynccontextmanager
async def smtp_server(port: int = 0) -> AsyncIterator[SmtpServer]:
    kept = SmtpServer()
    server = await asyncio.start_server(kept.serve, "127.0.0.1", port)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
