"""Categories as documents and back.

_id, name, name_key, slug, description, parent_id, path: [top, …, parent, itself], depth, created_at,
mark?: {id, step, decided, at, target?}
"""

from datetime import UTC, datetime
from typing import Any

from subgraphs.kit.mongo.client import Document, DuplicateKeyError
from subgraphs.products.domain.categories import Category, Mark, Node, Step
from subgraphs.products.domain.errors import SiblingNameTaken, SlugTaken
from subgraphs.products.domain.text import fold

MARKED: Document = {"mark.at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}
NODE: Document = {"parent_id": 1, "path": 1, "mark": 1}


def taken(error: DuplicateKeyError, category: Category) -> SlugTaken | SiblingNameTaken:
    if "slug" in (error.details or {}).get("keyPattern", {}):
        return SlugTaken(category.slug)
    return SiblingNameTaken(category.name)


def fields_of(category: Category) -> Document:
    return {
        "name": category.name,
        "name_key": fold(category.name),
        "slug": category.slug,
        "description": category.description,
        "parent_id": category.parent_id,
    }


def new_document(category: Category, *, at: datetime) -> Document:
    return {
        "_id": category.id,
        **fields_of(category),
        "path": [*category.ancestors, category.id],
        "depth": len(category.ancestors),
        "created_at": at,
    }


def mark_document(mark: Mark) -> Document:
    target = {} if mark.target is None else {"target": mark.target}
    return {"id": mark.id, "step": mark.step.value, "decided": mark.decided, "at": mark.at, **target}


def _mark(document: Document | None) -> Mark | None:
    if document is None:
        return None
    fields: dict[str, Any] = {**document, "step": Step(document["step"])}
    return Mark(**fields)


def node_of(document: Document) -> Node:
    return Node(
        id=document["_id"],
        parent_id=document["parent_id"],
        path=tuple(document["path"]),
        mark=_mark(document.get("mark")),
    )


def category_of(document: Document) -> Category:
    return Category(
        id=document["_id"],
        name=document["name"],
        slug=document["slug"],
        description=document["description"],
        parent_id=document["parent_id"],
        ancestors=tuple(document["path"][:-1]),
        being_deleted=document.get("mark", {}).get("step") == Step.DELETION,
    )
