"""E-mails that the subgraph under test has written into its folder."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from subgraphs.kit.postgres.engine import Postgres
from tests.subgraphs.users.graphql_client import execute


def emails_to(folder: Path, recipient: str) -> list[EmailMessage]:
    """Oldest first."""
    found = [message_from_bytes(p.read_bytes(), policy=policy.default) for p in sorted(folder.glob("*.eml"))]
    return [email for email in found if email["To"] == recipient]


async def email_to(folder: Path, recipient: str, *, number: int = 1, seconds: float = 10) -> EmailMessage:
    """The e-mail of that number to `recipient`, waited for."""
    async with asyncio.timeout(seconds):
        # A poll, since the dispatcher tells nobody what it has sent.
        while len(emails_to(folder, recipient)) < number:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
    return emails_to(folder, recipient)[number - 1]


def token_in(email: EmailMessage) -> str:
    match = re.search(r"token=(\S+)", email.get_content())
    assert match, email.get_content()
    return match[1]


async def until_settled(postgres: Postgres, recipient: str) -> None:
    """Wait until nothing in the queue is for `recipient`, sent or not."""
    waiting = "SELECT count(*) FROM letters WHERE lower(recipient) = lower(:to) AND done_at IS NULL"
    async with asyncio.timeout(10):
        while (await execute(postgres, waiting, to=recipient))[0][0]:  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.02)
