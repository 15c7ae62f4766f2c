"""`GET /api/v1/images/{id}?width=`: an image in one of its sizes (RFC 9110: conditional and range requests).

An image never changes under its id, so caches may keep it for good. Whatever a browser takes the bytes for, it may
run nothing of them: no guess at another type, and a sandbox without rights.
"""

import re
from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from subgraphs.kit.errors import DomainError, ValidationFailed
from subgraphs.kit.http.responses import error_body, json_response
from subgraphs.kit.outages import is_outage
from subgraphs.products.domain.images import MEDIA_TYPE, ImageId
from subgraphs.products.service.images import ImageService

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    # Pages of other sites, such as a shop front, show them too.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
}
_RETRY_AFTER = {"Retry-After": "2"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_WIDTH = re.compile(r"\d{1,6}", re.ASCII)


def image_routes(images: ImageService) -> Callable[[FastAPI], None]:
    async def serve(request: Request) -> Response:
        try:
            return await _serve(images, request)
        except DomainError as error:
            body = error_body(error.code, error.message, field=getattr(error, "field", None))
            return json_response(body, error.http_status)
        except Exception as error:
            if not is_outage(error):
                raise
            body = error_body("UNAVAILABLE", "Images cannot be read at the moment; try again.")
            return json_response(body, HTTPStatus.SERVICE_UNAVAILABLE, _RETRY_AFTER)

    def add(app: FastAPI) -> None:
        app.router.routes.append(Route("/api/v1/images/{id}", serve, methods=["GET", "HEAD"]))

    return add


async def _serve(images: ImageService, request: Request) -> Response:
    file = await images.find(ImageId(request.path_params["id"]), width=_width(request))
    if file is None:
        return json_response(error_body("NOT_FOUND", "There is no such image."), HTTPStatus.NOT_FOUND)
    etag = f'"{file.etag}"'
    headers = {**_HEADERS, "ETag": etag}
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    # A part of something else than the client has is of no use to it (RFC 9110, 13.1.5).
    wanted = request.headers.get("range") if request.headers.get("if-range", etag) == etag else None
    try:
        part = _part(wanted, file.size) if request.method == "GET" else None
    except ValueError:
        body = error_body("RANGE_NOT_SATISFIABLE", f"The image has {file.size} bytes.")
        size = {"Content-Range": f"bytes */{file.size}"}
        return json_response(body, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, size)
    start, end = part or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    content = b"" if request.method == "HEAD" else await file.read(start, end - start)
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    return Response(content, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _width(request: Request) -> int | None:
    text = request.query_params.get("width")
    if text is None:
        return None
    if not _WIDTH.fullmatch(text):
        raise ValidationFailed("width must be a number of pixels", field="width")
    return int(text)


def _matches(condition: str, etag: str) -> bool:
    """Whether `If-None-Match` names the file; weak comparison, as RFC 9110, 13.1.2 has it."""
    tags = (tag.strip().removeprefix("W/") for tag in condition.split(","))
    return any(tag in {"*", etag} for tag in tags)


def _part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """The bytes from and up to which are asked for; None for the whole.

    Several ranges, and what is no range of bytes, are answered with the whole (RFC 9110, 14.2). Raises ValueError for
    a range that lies behind the end.
    """
    found = _RANGE.fullmatch(wanted.strip()) if wanted else None
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return None  # not a valid range at all
    if start >= end:
        raise ValueError(wanted)
    return start, end
