"""Files over GraphQL: the multipart request, and what keeps other sites from sending one.

A form is what any page may have a browser send anywhere, without asking first. So a multipart request must carry a
header that a form cannot: with it, a browser asks the edge by a preflight, and the edge answers for known origins
only. github.com/jaydenseric/graphql-multipart-request-spec
"""

import re
from http import HTTPStatus
from typing import Any

from cross_web import AsyncHTTPRequestAdapter, FormData, HTTPException, StarletteRequestAdapter
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from strawberry.file_uploads.utils import replace_placeholders_with_files

from subgraphs.kit.http.middleware import UploadLimit

PREFLIGHT_HEADERS = ("apollo-require-preflight", "x-apollo-operation-name", "x-graphql-require-preflight")
"""Any one of them will do, with any value."""

_MAX_PARTS = 10
_ENVELOPE_BYTES = 64 * 1024
"""What a request may have beside its file: the operation, the map, the parts' own headers."""


def upload_limit(max_file_bytes: int) -> UploadLimit:
    return UploadLimit(re.compile("/graphql"), max_file_bytes + _ENVELOPE_BYTES)


def check_preflight(headers: Headers) -> None:
    """Raises HTTPException (400) for a form without a header that a page of another site cannot send."""
    declared = headers.get("content-type", "").lower()
    if declared.startswith("multipart/") and not any(name in headers for name in PREFLIGHT_HEADERS):
        raise HTTPException(
            HTTPStatus.BAD_REQUEST,
            f"A multipart request needs the header {PREFLIGHT_HEADERS[0]}, with any value.",
        )


class UploadRequestAdapter(StarletteRequestAdapter):
    """Takes forms of a few parts."""

    async def get_form_data(self) -> FormData:
        try:
            form = await self._request.form(max_files=_MAX_PARTS, max_fields=_MAX_PARTS)
        except MultiPartException as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, error.message) from error
        return FormData(files=form, form=form)


async def parse_multipart(request: AsyncHTTPRequestAdapter, parse_json: Any) -> dict[str, Any]:
    """The operation of a multipart request, with its files in their places. Raises HTTPException (400)."""
    form = await request.get_form_data()
    operations, places = (parse_json(form.form.get(name, "")) for name in ("operations", "map"))
    try:
        return replace_placeholders_with_files(operations, places, form.files)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, "`map` must name the parts of the form and their places in `operations`."
        ) from error
