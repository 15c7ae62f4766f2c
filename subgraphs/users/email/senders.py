"""How e-mails are sent: by SMTP, into a folder of files, or to the log."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from subgraphs.kit.errors import StartError
from subgraphs.kit.logs import get_logger
from subgraphs.kit.redaction import Readable
from subgraphs.users.settings import EmailSettings

log = get_logger(__name__)

_THREADS = 2
_PERMANENT = 500


class EmailRefused(Exception):
    """The e-mail was refused for good: to send it again would change nothing."""


class Sender(Protocol):
    async def send(self, message: EmailMessage) -> None:
        """Hand `message` over. Raises EmailRefused, or OSError when it may go through later."""

    def close(self) -> None: ...


class SmtpSender:
    """One connection for each e-mail, in two threads of its own: e-mails are rare, and `smtplib` blocks."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="smtp")

    async def send(self, message: EmailMessage) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, message: EmailMessage) -> None:
        try:
            with self._connect() as server:
                if self._settings.user:
                    server.login(self._settings.user, self._settings.password.get_secret_value())
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _failure(error, permanent=all(code >= _PERMANENT for code in codes)) from error
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _failure(error, permanent=error.smtp_code >= _PERMANENT) from error
        except smtplib.SMTPException as error:
            # Of the connection, the encryption or the login: a fault of the settings, which will be mended.
            raise _failure(error, permanent=False) from error

    def _connect(self) -> smtplib.SMTP:
        settings, timeout = self._settings, self._settings.timeout.total_seconds()
        host = settings.host or "127.0.0.1"
        if settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, settings.port, timeout=timeout, context=context)
        server = smtplib.SMTP(host, settings.port, timeout=timeout)
        if settings.security == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server


class FileSender:
    """Each e-mail as an `.eml` file, which mail programs open; for development and tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(
                f"the folder for e-mails {folder} cannot be used: {error.strerror}. Correct USERS_MAIL_FOLDER."
            ) from error

    async def send(self, message: EmailMessage) -> None:
        await asyncio.to_thread(self._write, message)

    def close(self) -> None:
        """Nothing is open."""

    def _write(self, message: EmailMessage) -> None:
        # The id begins with a time, so names sort by it.
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        part = self._folder / f".{name}.part"
        part.write_bytes(bytes(message))
        part.rename(self._folder / f"{name}.eml")
        log.info("email_written", subject=message["Subject"], file=str(self._folder / f"{name}.eml"))


class ConsoleSender:
    """E-mails in the log, tokens and all; for development."""

    async def send(self, message: EmailMessage) -> None:
        to, text = Readable(message["To"]), Readable(_plain(message))
        log.info("email", to=to, subject=str(message["Subject"]), text=text)

    def close(self) -> None:
        """Nothing is open."""


def _plain(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    return part.get_content() if part else ""


def create_sender(settings: EmailSettings) -> Sender:
    """The sender that the settings name. Raises StartError for a folder that cannot be used."""
    senders: dict[str, Callable[[], Sender]] = {
        "smtp": lambda: SmtpSender(settings),
        "file": lambda: FileSender(settings.folder or Path("mail")),
        "console": ConsoleSender,
    }
    return senders[settings.effective_transport]()


def _failure(error: smtplib.SMTPException, *, permanent: bool) -> Exception:
    return EmailRefused(str(error)) if permanent else OSError(str(error))
