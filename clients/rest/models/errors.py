"""The documented error, and its RFC 9457 form; both for the OpenAPI document only."""

from typing import Any

from pydantic import BaseModel, Field


class Error(BaseModel):
    code: str = Field(description="Stable; to be compared by programs.", examples=["VALIDATION_FAILED"])
    message: str = Field(description="What happened and what to do; to be read by people.")
    field: str | None = Field(None, description="Where in the request.", examples=["items.0.quantity"])


class ErrorAnswer(BaseModel):
    """What every endpoint answers when it refuses."""

    error: Error
    request_id: str = Field(description="As in the header `x-request-id`; in every log line of the request.")


class Problem(BaseModel):
    """The same as an RFC 9457 problem, sent when `Accept` names `application/problem+json`."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str
    code: str = Field(examples=["VALIDATION_FAILED"])
    field: str | None = None
    request_id: str


Responses = dict[int | str, dict[str, Any]]
