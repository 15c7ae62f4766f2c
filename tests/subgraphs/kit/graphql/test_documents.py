"""Which documents are prepared, how long they are kept, and which are refused before anything of them is run."""

import time
from typing import Any

import pytest

from subgraphs.kit.graphql import documents as documents_module
from subgraphs.kit.graphql.documents import Documents, InvalidDocumentError
from subgraphs.kit.graphql.limits import Limits
from tests.subgraphs.kit.graphql.sample_schema import schema

ADD = 'add(input: {title: "t"})'


@pytest.fixture
def documents() -> Documents:
    return Documents(schema._schema, Limits())


def refusal(documents: Documents, query: str, **variables: Any) -> tuple[str, str]:
    """Code and message of the one error that `query` is refused with."""
    with pytest.raises(InvalidDocumentError) as refused:
        documents.admit(query, variables, None)
    [error] = refused.value.errors
    return (error.extensions or {}).get("code", ""), error.message


def codes_of(documents: Documents, query: str) -> set[str | None]:
    """The codes of the errors that `query` is refused with, if it is."""
    try:
        documents.admit(query, {}, None)
    except InvalidDocumentError as error:
        return {(one.extensions or {}).get("code") for one in error.errors}
    return set()


def test_a_document_is_prepared_once(documents: Documents) -> None:
    assert documents.prepared("{ whoami }") is documents.prepared("{ whoami }")


def test_what_is_kept_is_bounded_by_its_bytes_and_the_least_used_leaves_first() -> None:
    documents = Documents(schema._schema, Limits(), max_bytes=100_000)
    first = documents.prepared("{ whoami }")
    for n in range(200):
        documents.prepared(f"{{ whoami }} # {n} {'x' * 5000}")
        documents.prepared("{ whoami }")
        assert documents.size <= 100_000
    assert documents.size == sum(one.size for one in documents._kept.values())
    assert 5 < len(documents._kept) < 25
    assert documents.prepared("{ whoami }") is first
    assert not any(text.startswith("{ whoami } # 0 ") for text in documents._kept)


def test_what_is_refused_is_not_kept(documents: Documents) -> None:
    for query in ("{ nothing }", "{", "{ " + "a " * 5001 + "}"):
        refusal(documents, query)
    assert (documents.size, len(documents._kept)) == (0, 0)


def test_the_text_is_measured_in_bytes_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = Documents(schema._schema, Limits(max_query_bytes=100))
    documents.prepared("{ whoami }#" + "x" * 89)
    monkeypatch.setattr(documents_module, "parse", None)
    expected = ("OPERATION_TOO_LARGE", "The query text may have at most 100 bytes.")
    assert refusal(documents, "{ whoami }#" + "x" * 90) == expected
    assert refusal(documents, "{ whoami }#" + "é" * 45) == expected


MANY_ROOTS = " ".join(f"a{n}: whoami" for n in range(21))
MANY_MUTATIONS = " ".join(f"a{n}: {ADD}" for n in range(11))
DEEP = "author { books { nodes { "


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"{{ {MANY_ROOTS} }}", "The operation has 21 root fields, of at most 20."),
        (
            f"{{ ...f }} fragment f on Query {{ {MANY_ROOTS} }}",
            "The operation has 21 root fields, of at most 20.",
        ),
        (f"mutation {{ {MANY_MUTATIONS} }}", "The operation has 11 root fields, of at most 10."),
        (
            f"mutation {{ ...f ... {{ {ADD} }} }} fragment f on Mutation {{ {MANY_MUTATIONS[: -len(ADD) - 5]} }}",
            "The operation has 11 root fields, of at most 10.",
        ),
        (
            "{ book(id: 1) { " + DEEP * 5 + "id" + " } } }" * 5 + " } }",
            "The operation is nested 16 levels deep, of at most 15.",
        ),
        (
            "{ book(id: 1) { " + " ".join(f"a{n}: id" for n in range(201)) + " } }",
            "The document has 201 aliases, of at most 200.",
        ),
        (
            "{ " + "whoami " * 102 + "}",
            "The document asks 101 times for a field that it has already asked for, of at most 100 times.",
        ),
        ("{ whoami " + "a:b " * 1700 + "}", "The document may have at most 5000 tokens."),
        (
            "{ book(id: 1) " * 1 + "{ author { friends " * 300 + "{ id }" + " } }" * 300 + " }",
            "The document is nested too deeply.",
        ),
    ],
)
def test_what_is_too_large_is_refused(documents: Documents, query: str, message: str) -> None:
    assert refusal(documents, query) == ("OPERATION_TOO_LARGE", message)


def test_what_is_as_large_as_it_may_be_is_admitted(documents: Documents) -> None:
    documents.admit("{ " + " ".join(f"a{n}: whoami" for n in range(20)) + " }", {}, None)
    documents.admit("mutation { " + " ".join(f"a{n}: {ADD}" for n in range(10)) + " }", {}, None)


def test_the_cost_is_bounded_with_the_variables_of_each_request(documents: Documents) -> None:
    level = "books(first: $n) { nodes { author { %s } } }"
    query = "query ($n: Int) { %s }" % (level % (level % (level % "id")))
    documents.admit(query, {"n": 20}, None)
    code, message = refusal(documents, query, n=100)
    assert code == "OPERATION_TOO_LARGE"
    assert message == (
        "The operation may resolve 2030301 objects, of at most 40000; ask for smaller pages or fewer levels."
    )
    documents.admit(query, {"n": 20}, None)


@pytest.mark.parametrize(
    "query",
    [
        "{ " + "whoami " * 4900 + "}",
        "{ " + " ".join("book(id: 1) { " + "id " * 60 + "}" for _ in range(70)) + " }",
        "{ ...f0 } "
        + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(400))
        + " fragment f400 on Query { whoami }",
        "{ book(id: 1) { author { ...f0 } } } "
        + " ".join(
            f"fragment f{n} on Author {{ a: friends {{ ...f{n + 1} }} b: friends {{ ...f{n + 1} }} }}"
            for n in range(200)
        )
        + " fragment f200 on Author { id }",
        "#" + "x" * 19_000 + "\n{ whoami }",
    ],
    ids=["same field", "same fields in the same fields", "doubling", "doubling with levels", "comment"],
)
def test_no_document_takes_long_to_be_admitted_or_refused(documents: Documents, query: str) -> None:
    started = time.process_time()
    assert codes_of(documents, query) <= {"OPERATION_TOO_LARGE"}
    assert time.process_time() - started < 1.0


def test_introspection_that_is_turned_off_tells_and_suggests_nothing() -> None:
    documents = Documents(schema._schema, Limits(introspection=False))
    for query in (
        "{ __schema { types { name } } }",
        '{ __type(name: "Book") { name } }',
        "{ _service { sdl } }",
    ):
        assert refusal(documents, query) == ("", "Introspection is turned off here.")
    documents.admit('{ book(id: "b") { __typename } }', {}, None)
    assert refusal(documents, "{ boks { totalCount } }")[1] == "Cannot query field 'boks' on type 'Query'."


def test_introspection_that_is_on_answers_and_suggests(documents: Documents) -> None:
    documents.admit("{ __schema { types { name } } _service { sdl } }", {}, None)
    assert "Did you mean 'books'" in refusal(documents, "{ boks { totalCount } }")[1]


def test_sixty_unknown_directives_get_few_errors(documents: Documents) -> None:
    query = "{ whoami " + " ".join(f"@nope{n}" for n in range(60)) + " }"
    with pytest.raises(InvalidDocumentError) as refused:
        documents.admit(query, {}, None)
    assert len(refused.value.errors) == 11
    assert refused.value.errors[-1].message.startswith("Too many validation errors")


def test_a_field_that_is_asked_for_six_hundred_times_is_refused(documents: Documents) -> None:
    code, message = refusal(documents, "{ " + "whoami " * 600 + "}")
    assert code == "OPERATION_TOO_LARGE"
    assert message == (
        "The document asks 599 times for a field that it has already asked for, of at most 100 times."
    )
