"""The length of a password; its other rules need a list, see `credentials/password_policy.py`."""

from subgraphs.kit.errors import ValidationFailed

PASSWORD_LENGTH = range(8, 129)


def checked_password(value: str, *, field: str = "password") -> str:
    """`value`, if its length will do; what it is made of is left to its owner (NIST SP 800-63B, 3.1.1.2)."""
    if len(value) not in PASSWORD_LENGTH:
        raise ValidationFailed("A password has 8 to 128 characters.", field=field)
    return value
