"""Which passwords are refused: short ones, common ones, and one's own name (NIST SP 800-63B, 3.1.1.2)."""

import unicodedata
from pathlib import Path

from subgraphs.kit.errors import StartError, ValidationFailed
from subgraphs.users.domain.password import checked_password
from subgraphs.users.settings import PasswordSettings

_OURS = Path(__file__).with_name("common_passwords.txt")


class PasswordPolicy:
    """Length and lists. What a password is made of is left to its owner. Raises StartError for a list it cannot read."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._common = _read(settings.common_file or _OURS) if settings.refuse_common else frozenset()

    def check(self, password: str, *, username: str, email: str, field: str = "password") -> None:
        """Raises ValidationFailed, naming `field` and saying what to do."""
        checked_password(password, field=field)
        folded = _folded(password)
        if folded in {_folded(username), _folded(email), _folded(email).partition("@")[0]}:
            raise ValidationFailed(
                "A password must not be the username or the e-mail address; choose another.", field=field
            )
        if folded in self._common:
            raise ValidationFailed(
                "This password is on every list that attackers try first; choose another, such as four words.",
                field=field,
            )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _read(path: Path) -> frozenset[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"the list of common passwords {path} cannot be read: {error}. Correct USERS_PASSWORDS_COMMON_FILE."
        ) from error
    return frozenset(_folded(line) for line in lines if line.strip() and not line.startswith("#"))
