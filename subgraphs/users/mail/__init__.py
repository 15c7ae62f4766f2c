"""Letters to the owners of accounts: what they say, and the ways they take."""

from subgraphs.users.mail.mailers import Mailer, MailRefused, create_mailer
from subgraphs.users.mail.texts import Text, email_changed, password_changed, password_reset

__all__ = [
    "MailRefused",
    "Mailer",
    "Text",
    "create_mailer",
    "email_changed",
    "password_changed",
    "password_reset",
]
