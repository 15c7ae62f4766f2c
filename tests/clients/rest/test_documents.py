"""The operations: valid by the public schema, named as their files, and all in use."""

import re
from pathlib import Path

import pytest
from graphql import OperationType, build_schema, parse, validate

from clients.rest import documents
from clients.rest.documents import DocumentError
from tests.clients.rest.stub_router import API

DOCUMENTS = documents.load()
SOURCES = Path(documents.__file__).parent


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_operation_is_valid_by_the_public_schema(name: str) -> None:
    assert validate(build_schema(API.read_text()), parse(DOCUMENTS[name].text)) == []


def test_every_operation_is_used_and_every_used_one_exists() -> None:
    code = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    named = set(re.findall(r'\.(?:query|execute|mutate|upload|subscribe)\(\s*"(\w+)"', code))
    walked = set(re.findall(r'pagination\.fetch\(\s*session,\s*"(\w+)"', code))
    assert named | walked | {f"Skip{name}" for name in walked} == set(DOCUMENTS)


def test_a_document_holds_only_the_fragments_it_needs() -> None:
    assert DOCUMENTS["Logout"].text.count("fragment ") == 1
    assert sorted(re.findall(r"fragment (\w+) on", DOCUMENTS["Login"].text)) == [
        "AuthFields",
        "ErrorFields",
        "UserFields",
    ]


def test_a_file_named_unlike_its_operation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Me.graphql").write_text("query Myself { me { id } }")
    with pytest.raises(DocumentError, match=r"Me\.graphql must hold one definition, named Me"):
        documents.load(tmp_path)


def test_a_spread_without_its_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Me.graphql").write_text("query Me { me { ...UserFields } }")
    with pytest.raises(DocumentError, match=r"there is no fragments/UserFields\.graphql"):
        documents.load(tmp_path)


def test_the_manifest_has_what_is_sent_under_its_digest() -> None:
    made = documents.manifest(
        {"Ready": documents.Document("Ready", OperationType.QUERY, "query Ready { __typename }")}
    )
    digest = "f1a6a9c5be8533dd609df816759d44d61d2d0a379bd9cdb8d7150dab658cff06"
    body = "query Ready { __typename }"
    assert made == {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": digest, "name": "Ready", "type": "query", "body": body}],
    }
