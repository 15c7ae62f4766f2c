"""Compiled code answers what graphql-core answers: the same data, the same errors in the same order."""

import asyncio
import gc
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLScalarType,
    GraphQLSchema,
    NameNode,
    VariableNode,
    Visitor,
    execute,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate,
    visit,
)
from graphql.execution import Executor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes

from subgraphs.kit.graphql.execution.executor import CompiledExecution
from subgraphs.kit.graphql.execution.specialisation import (
    FALLBACKS,
    MAX_SPECIALISATIONS,
    CompiledOperation,
    CompiledOperations,
)
from tests.subgraphs.kit.graphql.execution import world

SCHEMAS = Path(__file__).parents[5] / "schema"

NASTY = """
interface Named { name: String! friend: Named friends: [Named!] }
type Cat implements Named { name: String! friend: Named friends: [Named!] lives: Int! kittens: [Cat!]! owner: Person! }
type Dog implements Named { name: String! friend: Named friends: [Named!] barks: Boolean weight: Float! }
type Person { id: ID! pets: [Pet] cats: [[Cat!]!] grid: [[Int!]]! best: Person! tags: [String!]! mood: Mood! nick(of: String = "d", n: Int!): String }
union Pet = Cat | Dog
enum Mood { GOOD BAD }
type Query { person(id: ID = "1"): Person pet: Pet named: Named! people: [Person!]! matrix: [[Person]!] mood: Mood count: Int! }
type Mutation { first: Person second: Person! third: [Cat!] }
"""


@cache
def compared(name: str) -> tuple[GraphQLSchema, type[Executor[Any]]]:
    """A schema and the executor class that compiles its operations."""
    sdl = NASTY if name == "nasty" else (SCHEMAS / f"{name}.graphql").read_text()

    class Compiled(CompiledExecution):
        operations = CompiledOperations()
        reads_attribute = staticmethod(world.attribute_of)
        type_of_class = staticmethod(world.type_of_class)
        names_own_type = staticmethod(world.names_own_type)
        is_object = staticmethod(world.is_object)

    return world.strange_world(sdl), Compiled


def told(result: ExecutionResult) -> tuple[Any, list[Any]]:
    """What a client is told, but that NaN equals itself here."""
    errors = [(e.message, e.path, e.locations, type(e.original_error)) for e in result.errors or ()]
    return repr(result.data), errors


async def answers(
    name: str, document: DocumentNode, variables: dict[str, Any], seed: int
) -> list[tuple[Any, list[Any]]]:
    """Of graphql-core, of the compiled operation, and of it once more."""
    schema, compiled = compared(name)
    assert not validate(schema, document), print_ast(document)
    root = world.root_of(schema, document.definitions[0].operation.value.capitalize(), seed)  # type: ignore[attr-defined]
    found = []
    others = asyncio.all_tasks()  # of the loop, which other tests share
    for executor in (Executor, compiled, compiled):
        result = execute(schema, document, root, None, variables, executor_class=executor)
        found.append(told(await result if asyncio.iscoroutine(result) else result))  # type: ignore[arg-type]
        # What it left behind, when an error ended its field, ends too.
        while left := asyncio.all_tasks() - others:
            await asyncio.gather(*left, return_exceptions=True)
    return found


class _Conditions(Visitor):
    """Puts `@include(if: $yes)` and `@skip(if: $no)` on some fields."""

    def __init__(self, chosen: int) -> None:
        super().__init__()
        self.chosen = chosen
        self.used: set[str] = set()

    def leave_field(self, node: FieldNode, *_: Any) -> FieldNode:
        self.chosen, choice = divmod(self.chosen, 7)
        if choice not in (1, 2) or node.directives:
            return node
        directive, variable = ("include", "yes") if choice == 1 else ("skip", "no")
        self.used.add(variable)
        argument = ArgumentNode(name=NameNode(value="if"), value=VariableNode(name=NameNode(value=variable)))
        added = DirectiveNode(name=NameNode(value=directive), arguments=(argument,))
        return FieldNode(
            name=node.name,
            alias=node.alias,
            arguments=node.arguments,
            directives=(added,),
            selection_set=node.selection_set,
        )


def with_conditions(document: DocumentNode, chosen: int) -> DocumentNode:
    conditions = _Conditions(chosen)
    text = print_ast(visit(document, conditions))
    declared = ", ".join(
        f"${name}: Boolean = {'true' if name == 'yes' else 'false'}" for name in conditions.used
    )
    if declared:
        kind = document.definitions[0].operation.value  # type: ignore[attr-defined]
        text = f"{kind} ({declared}) " + text[text.index("{") :]
    return parse(text)


@cache
def operations(name: str) -> st.SearchStrategy[Any]:
    schema, _ = compared(name)
    scalars = {
        type_.name: st.just("x").map(nodes.String)
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLScalarType) and not is_specified_scalar_type(type_)
    }
    return from_schema(schema, custom_scalars=scalars, print_ast=lambda document: document)


def compare(name: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        document=operations(name),
        chosen=st.integers(0, 7**12),
        variables=st.dictionaries(st.sampled_from(["yes", "no"]), st.booleans()),
        seed=st.integers(0, 10**6),
    )
    def equal(document: DocumentNode, chosen: int, variables: dict[str, bool], seed: int) -> None:
        conditioned = with_conditions(document, chosen)
        core, compiled, again = runner.run(answers(name, conditioned, variables, seed))
        assert compiled == core
        assert again == core

    with asyncio.Runner() as runner:
        equal()


# What a field leaves unawaited when another one ends its object is told of by a warning, which Python cannot give while
# code without `__import__` runs, as hypothesis generates it. It says then that it could not.
_MUTE = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@_MUTE
@pytest.mark.parametrize("name", ["nasty", "users", "products", "orders"])
def test_generated_operations_are_answered_as_graphql_core_answers_them(name: str) -> None:
    compare(name, 75)


@_MUTE
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["nasty", "users", "products", "orders"])
def test_many_generated_operations_are_answered_as_graphql_core_answers_them(name: str) -> None:
    compare(name, 2500)


WRITTEN = {
    "fragments": "{ person { ...p best { ...p } } } fragment p on Person { id tags mood pets { ...c } } "
    "fragment c on Cat { name lives kittens { name owner { id } } }",
    "merged": "{ person { best { id } } person { best { tags mood } best { id } } }",
    "matrix": "{ matrix { id grid cats { name lives friends { __typename name } } } }",
    "default": 'query ($n: Int = 3, $of: String) { person { nick(n: $n, of: $of) b: nick(n: 1, of: "z") } }',
    "mutation": "mutation { second { id } first { id mood } third { name lives } again: first { best { id } } }",
    "abstract": "{ named { name ... on Dog { barks weight } ... on Named { friend { name } } } pet { __typename } }",
}


@pytest.mark.parametrize("query", WRITTEN.values(), ids=WRITTEN)
async def test_written_operations_are_answered_as_graphql_core_answers_them(query: str) -> None:
    document = parse(query)
    for seed in range(150):
        core, compiled, again = await answers("nasty", document, {}, seed)
        assert (compiled, again) == (core, core), seed


def test_a_compiled_operation_leaves_with_its_document() -> None:
    schema, compiled = compared("nasty")
    gc.collect()
    before = len(compiled.operations)  # type: ignore[attr-defined]
    document = parse("{ mood }")
    execute(schema, document, world.root_of(schema, "Query", 3), executor_class=compiled)
    assert len(compiled.operations) == before + 1  # type: ignore[attr-defined]
    del document
    gc.collect()
    assert len(compiled.operations) == before  # type: ignore[attr-defined]


def test_what_middleware_wraps_is_left_to_graphql_core_and_counted() -> None:
    schema, compiled = compared("nasty")
    counted = FALLBACKS.labels("middleware")
    before = counted._value.get()
    seen: list[str] = []

    def watch(resolve: Any, source: Any, info: Any, **arguments: Any) -> Any:
        seen.append(info.field_name)
        return resolve(source, info, **arguments)

    root = world.root_of(schema, "Query", 3)
    execute(schema, parse("{ mood }"), root, middleware=[watch], executor_class=compiled)
    assert seen == ["mood"]
    assert counted._value.get() == before + 1


def test_an_operation_has_few_specialisations_whatever_its_conditions() -> None:
    text = "query ($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) { a @skip(if: $a) b @skip(if: $b) c @skip(if: $c) d @skip(if: $d) }"
    operation = CompiledOperation(parse(text).definitions[0], {})  # type: ignore[arg-type]
    for bits in range(16):
        operation.specialised({name: bool(bits >> n & 1) for n, name in enumerate("abcd")})
    assert len(operation._specialisations) == MAX_SPECIALISATIONS
    assert operation.specialised(dict.fromkeys("abcd", True)) is operation.specialised(
        dict.fromkeys("abcd", True)
    )
