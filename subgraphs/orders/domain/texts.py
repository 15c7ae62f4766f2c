"""Texts that a client sends and the database keeps."""

from subgraphs.kit.errors import ValidationFailed

MAX_TEXT = 200


def check_text(value: str | None, *, field: str, least: int = 0, most: int = MAX_TEXT) -> None:
    """Raises ValidationFailed for text that is too short or too long, or that PostgreSQL cannot keep."""
    if value is None:
        return
    if not least <= len(value) <= most:
        wanted = f"Between {least} and {most} characters." if least else f"At most {most} characters."
        raise ValidationFailed(wanted, field=field)
    if "\0" in value:
        raise ValidationFailed("The text has a NUL character.", field=field)
