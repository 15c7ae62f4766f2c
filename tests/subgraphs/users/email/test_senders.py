"""Which way e-mails take."""

import pytest

from subgraphs.kit.errors import StartError
from subgraphs.users.email.senders import ConsoleSender, FileSender, SmtpSender, create_sender
from subgraphs.users.settings import EmailSettings


def test_sender_follows_from_what_is_set(tmp_path):
    assert isinstance(create_sender(EmailSettings()), SmtpSender)
    assert isinstance(create_sender(EmailSettings(folder=tmp_path / "mail")), FileSender)
    assert isinstance(create_sender(EmailSettings(folder=tmp_path, host="mail.example.org")), SmtpSender)
    assert isinstance(create_sender(EmailSettings(transport="console")), ConsoleSender)
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="USERS_MAIL_FOLDER"):
        create_sender(EmailSettings(folder=tmp_path / "file"))
