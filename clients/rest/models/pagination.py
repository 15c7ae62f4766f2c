"""Pages: asked for by number, or continued from the last one by its cursor."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clients.rest.models.base import Answer

MAX_LIMIT = 100
# A page's number is walked to through the list, so a far one costs; who goes on by cursor does not meet this.
MAX_DEPTH = 10_000


class PageQuery(BaseModel):
    """Which stretch of a list. Unknown parameters are refused, since a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: int = Field(
        1,
        ge=1,
        le=MAX_DEPTH,
        description=f"With `limit` at most the first {MAX_DEPTH} items; beyond, use `cursor`.",
    )
    limit: int = Field(20, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(
        None,
        max_length=2048,
        pattern="^[A-Za-z0-9_=-]+$",
        description="The last page's `next_cursor`; instead of `page`, and as deep as the list.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cursor is not None and "page" in self.model_fields_set:
            raise ValueError("Send either page or cursor.")
        if self.page * self.limit > MAX_DEPTH:
            raise ValueError(f"Pages reach the first {MAX_DEPTH} items; go on by cursor.")
        return self

    @property
    def skipped(self) -> int:
        """How many items stand before this page."""
        return (self.page - 1) * self.limit


class PageResponse(Answer):
    """One stretch of a list."""

    page: int | None = Field(description="Null where the list was continued by cursor.")
    limit: int
    has_next: bool
    next_cursor: str | None = Field(description="For the parameter `cursor`; null at the end.")
