"""Letters that the subgraph under test has written into its folder."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


def letters_to(folder: Path, recipient: str) -> list[EmailMessage]:
    """Oldest first."""
    found = [message_from_bytes(p.read_bytes(), policy=policy.default) for p in sorted(folder.glob("*.eml"))]
    return [letter for letter in found if letter["To"] == recipient]


async def letter_to(folder: Path, recipient: str, *, number: int = 1, seconds: float = 10) -> EmailMessage:
    """The letter of that number to `recipient`, waited for."""
    async with asyncio.timeout(seconds):
        # A poll, since the post tells nobody what it has sent.
        while len(letters_to(folder, recipient)) < number:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
    return letters_to(folder, recipient)[number - 1]


def token_in(letter: EmailMessage) -> str:
    match = re.search(r"token=(\S+)", letter.get_content())
    assert match, letter.get_content()
    return match[1]
