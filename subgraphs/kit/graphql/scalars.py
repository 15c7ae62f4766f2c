"""Scalars that all subgraphs define alike; composition needs them equal to the letter."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import strawberry
from graphql import GraphQLError
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload
from strawberry.types.scalar import ScalarDefinition


def _parse_decimal(value: object) -> Decimal:
    # A float has already lost what a price must keep; an int cannot.
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            return Decimal(value)
        except InvalidOperation:
            pass
    raise _refused(f'Decimal must be a string like "99.99", not {value!r}')


def _parse_datetime(value: object) -> datetime:
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is not None:
                return parsed.astimezone(UTC)
        except (ValueError, OverflowError):  # in UTC it may lie before the year 1 or after 9999
            pass
    raise _refused(f"DateTime must be RFC 3339 with an offset, like 2026-01-31T12:00:00Z, not {value!r}")


def _parse_upload(value: object) -> UploadFile:
    if isinstance(value, UploadFile):
        return value
    raise _refused(
        "Upload must be a file, sent as multipart/form-data; it cannot stand in JSON or in the query"
    )


def _refused(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def _serialize_datetime(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return f"{value.isoformat()[:-6]}Z"  # less "+00:00"


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, such as "99.99"; never a float.',
        serialize=str,
        parse_value=_parse_decimal,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file, sent by a GraphQL multipart request.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
        parse_value=_parse_upload,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant as RFC 3339 writes it, in UTC: 2026-01-31T12:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_serialize_datetime,
        parse_value=_parse_datetime,
    ),
}
