"""Documents that have been parsed, validated and planned, kept for the next request by their text.

Everything about an operation that its variables cannot change is found out once. What is kept is bounded by its
size in memory and not by the number of documents, since a client chooses how large they are.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    SelectionSetNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from subgraphs.kit.graphql.limits import (
    MAX_ALIASES,
    MAX_FAULTS,
    MAX_REPEATED_FIELDS,
    MAX_TOKENS,
    Limits,
    too_large,
)
from subgraphs.kit.graphql.plans import Plan, Planner

MAX_CACHE_BYTES = 64 * 1024 * 1024
# Measured with tracemalloc: a token, its node and its place in the plan.
_BYTES_PER_TOKEN = 700

_TOO_DEEP = "The document is nested too deeply."
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid document and its operations by name, the first of them also as None."""

    document: DocumentNode
    plans: Mapping[str | None, Plan]
    size: int


class InvalidDocumentError(Exception):
    """A document that is not run; `errors` say why, to its author."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class Documents:
    """The documents of one schema, prepared; the least recently used leave first."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.limits = limits
        self._schema = schema
        self._max_bytes = max_bytes
        self._rules = _RULES if limits.introspection else (*_RULES, _NoIntrospection)
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self.size = 0
        """Bytes that the kept documents take, about."""

    def prepared(self, text: str) -> Prepared:
        """The document of `text`. Raises InvalidDocumentError."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        prepared = self._prepare(text)
        self._kept[text] = prepared
        self.size += prepared.size
        while self.size > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.size -= oldest.size
        return prepared

    def admit(self, text: str, variables: Mapping[str, Any] | None, operation: str | None) -> Prepared:
        """The document of `text`. Raises InvalidDocumentError for an operation that is not to be run with `variables`."""
        prepared = self.prepared(text)
        plan = prepared.plans.get(operation)
        # An operation that the document does not have is refused where it would be run.
        refusal = plan.refusal(variables or {}, self.limits) if plan else None
        if refusal is not None:
            raise InvalidDocumentError([refusal])
        return prepared

    def _prepare(self, text: str) -> Prepared:
        most = self.limits.max_query_bytes
        if len(text) > most or len(text.encode("utf-8", "surrogatepass")) > most:
            raise InvalidDocumentError([too_large(f"The query text may have at most {most} bytes.")])
        try:
            document = parse(text, max_tokens=MAX_TOKENS)
            tokens = _count_tokens(document)
            _check_repetition(document)
            errors = validate(
                self._schema,
                document,
                self._rules,
                max_errors=MAX_FAULTS,
                hide_suggestions=not self.limits.introspection,
            )
            if errors:
                raise InvalidDocumentError([_size_of(error) for error in errors])
            plans = Planner(self._schema, document).plans()
        except RecursionError:
            raise InvalidDocumentError([too_large(_TOO_DEEP)]) from None
        except GraphQLSyntaxError as error:
            raise InvalidDocumentError([_size_of(error)]) from None
        except GraphQLError as error:
            raise InvalidDocumentError([error]) from None
        return Prepared(document, plans, len(text) + tokens * _BYTES_PER_TOKEN)


def _size_of(error: GraphQLError) -> GraphQLError:
    """`error`, or in its place the refusal that it stands for: graphql-core tells size by its message alone."""
    if f"more than {MAX_TOKENS} tokens" in error.message:
        return too_large(f"The document may have at most {MAX_TOKENS} tokens.")
    if "nested too deeply" in error.message or error.message == "Validation aborted.":
        return too_large(_TOO_DEEP)
    return error


def _count_tokens(document: DocumentNode) -> int:
    token = document.loc.start_token if document.loc else None
    count = 0
    while token is not None:
        count += 1
        token = token.next
    return count


class _Repetition(Visitor):
    """Counts aliases, and fields that have the response name of another one beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0
        self.repeated = 0

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        fields = [one for one in node.selections if isinstance(one, FieldNode)]
        self.aliases += sum(one.alias is not None for one in fields)
        names = Counter((one.alias or one.name).value for one in fields)
        self.repeated += len(fields) - len(names)


def _check_repetition(document: DocumentNode) -> None:
    """Before validation, whose work grows with the square of what is repeated. Raises GraphQLError."""
    found = _Repetition()
    visit(document, found)
    if found.aliases > MAX_ALIASES:
        raise too_large(f"The document has {found.aliases} aliases, of at most {MAX_ALIASES}.")
    if found.repeated > MAX_REPEATED_FIELDS:
        raise too_large(
            f"The document asks {found.repeated} times for a field that it has already asked for, of at most "
            f"{MAX_REPEATED_FIELDS} times."
        )


class _NoIntrospection(ASTValidationRule):
    """Refuses what tells the schema: `__schema`, `__type`, and `_service`, whose SDL does so too."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in {"__schema", "__type", "_service"}:
            self.report_error(GraphQLError("Introspection is turned off here.", node))
