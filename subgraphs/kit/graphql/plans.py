"""What an operation asks for, read from its document once: its cost, its root fields, the strings it is given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    value_from_ast_untyped,
)

from subgraphs.kit.graphql.bounds import Bound, bound_of, excess
from subgraphs.kit.graphql.cost import Selection, Variable, cost_of, is_connection, measured
from subgraphs.kit.graphql.limits import MAX_DEPTH, MAX_MUTATIONS, MAX_ROOT_FIELDS, Limits, too_large


@dataclass(frozen=True, slots=True)
class _Use:
    """A place where a variable stands: what type and bound it has there."""

    variable: str
    type_: GraphQLInputType
    bound: Bound


@dataclass(slots=True)
class _Part:
    """A selection set as it is planned: what it costs, what it is given, how deep it goes."""

    selection: Selection = field(default_factory=Selection)
    uses: list[_Use] = field(default_factory=list)
    depth: int = 0
    root_fields: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """One operation of a valid document."""

    kind: OperationType
    selection: Selection
    uses: tuple[_Use, ...]

    def refusal(self, variables: Mapping[str, Any], limits: Limits) -> GraphQLError | None:
        """Why the operation must not run with `variables`; None where it may."""
        for use in self.uses:
            if use.variable in variables:
                fault = excess(variables[use.variable], use.type_, use.bound, use.variable)
                if fault is not None:
                    return _bad_input(fault)
        cost = cost_of(self.selection, variables)
        if cost > limits.max_cost:
            return too_large(
                f"The operation may resolve {cost} objects, of at most {limits.max_cost}; ask for smaller pages or "
                "fewer levels."
            )
        return None


class Planner:
    """Plans the operations of one valid document; a fragment is planned once, however often it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def plans(self) -> dict[str | None, Plan]:
        """The operations by name, the first of them also as None. Raises GraphQLError for what is too much."""
        plans: dict[str | None, Plan] = {}
        for node in self._document.definitions:
            if isinstance(node, OperationDefinitionNode):
                plan = self._plan(node)
                plans.setdefault(None, plan)
                if node.name is not None:
                    plans[node.name.value] = plan
        return plans

    def _plan(self, node: OperationDefinitionNode) -> Plan:
        root = self._schema.get_root_type(node.operation)
        assert root is not None  # noqa: S101 - the document is valid
        part = _OperationPlanner(self._schema, self._fragments, node).part(root, node.selection_set)
        if part.depth > MAX_DEPTH:
            raise too_large(
                f"The operation is nested {part.depth} levels deep, of at most {MAX_DEPTH}.", node
            )
        most = MAX_MUTATIONS if node.operation is OperationType.MUTATION else MAX_ROOT_FIELDS
        if part.root_fields > most:
            raise too_large(f"The operation has {part.root_fields} root fields, of at most {most}.", node)
        _check_defaults(node, part.uses)
        return Plan(node.operation, part.selection, tuple(part.uses))


class _OperationPlanner:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._planned: dict[tuple[str, bool], _Part] = {}
        self._defaults: dict[str, int] = {}
        for definition in operation.variable_definitions or ():
            name, default = definition.variable.name.value, definition.default_value
            if isinstance(default, IntValueNode):
                self._defaults[name] = Variable(name, 0).size({name: int(default.value[:12])})

    def part(self, parent: GraphQLNamedType, node: SelectionSetNode, *, paged: bool = False) -> _Part:
        """Plan the selections of `parent`. `paged`: it is a connection."""
        part = _Part()
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                part.root_fields += 1
                self._add_field(part, parent, selection, paged=paged)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                type_ = self._type(condition.name.value) if condition else parent
                self._add(part, self.part(type_, selection.selection_set, paged=paged))
            elif isinstance(selection, FragmentSpreadNode):
                self._add_spread(part, selection.name.value, paged=paged)
        return part

    def _add_field(self, part: _Part, parent: GraphQLNamedType, node: FieldNode, *, paged: bool) -> None:
        definition = getattr(parent, "fields", {}).get(node.name.value)
        if definition is None:  # introspection
            return
        for argument in node.arguments or ():
            declared = definition.args[argument.name.value]
            name = argument.name.value
            part.uses += _uses(argument.value, declared.type, bound_of(declared), name)
        named = get_named_type(definition.type)
        if is_leaf_type(named) or node.selection_set is None:
            return
        below = self.part(named, node.selection_set, paged=is_connection(definition))
        one = measured(node, definition, self._defaults, paged=paged)
        one.selection.fragments.append(below.selection)
        part.selection.fields.append(one)
        part.uses += below.uses
        part.depth = max(part.depth, 1 + below.depth)

    def _add_spread(self, part: _Part, name: str, *, paged: bool) -> None:
        key = (name, paged)
        first_time = key not in self._planned
        if first_time:
            fragment = self._fragments[name]
            type_ = self._type(fragment.type_condition.name.value)
            self._planned[key] = self.part(type_, fragment.selection_set, paged=paged)
        self._add(part, self._planned[key], uses=first_time)

    @staticmethod
    def _add(part: _Part, other: _Part, *, uses: bool = True) -> None:
        part.selection.fragments.append(other.selection)
        part.depth = max(part.depth, other.depth)
        part.root_fields += other.root_fields
        if uses:
            part.uses += other.uses

    def _type(self, name: str) -> GraphQLNamedType:
        return self._schema.type_map[name]


def _uses(value: ValueNode, type_: GraphQLInputType, bound: Bound, name: str) -> Iterator[_Use]:
    """The variables in `value` with what is expected there. Raises GraphQLError for a literal that is too long."""
    if isinstance(value, VariableNode):
        yield _Use(value.name.value, type_, bound)
    elif isinstance(value, StringValueNode):
        _refuse(excess(value.value, type_, bound, name), value)
    elif isinstance(value, ListValueNode):
        _refuse(excess([None] * len(value.values), type_, bound, name), value)
        nullable = get_nullable_type(type_)
        entry_type = nullable.of_type if isinstance(nullable, GraphQLList) else type_
        for entry in value.values:
            yield from _uses(entry, entry_type, bound, name)
    elif isinstance(value, ObjectValueNode):
        named = get_named_type(type_)
        if isinstance(named, GraphQLInputObjectType):
            for part in value.fields:
                definition = named.fields[part.name.value]
                yield from _uses(
                    part.value, definition.type, bound_of(definition), f"{name}.{part.name.value}"
                )


def _check_defaults(operation: OperationDefinitionNode, uses: list[_Use]) -> None:
    """Raises GraphQLError for a variable whose default is longer than a place where it stands allows."""
    defaults = {
        definition.variable.name.value: definition.default_value
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    for use in uses:
        if (default := defaults.get(use.variable)) is not None:
            _refuse(excess(value_from_ast_untyped(default), use.type_, use.bound, use.variable), default)


def _refuse(fault: str | None, node: ValueNode) -> None:
    if fault is not None:
        raise _bad_input(fault, node)


def _bad_input(message: str, *nodes: ValueNode) -> GraphQLError:
    return GraphQLError(message, list(nodes), extensions={"code": "BAD_USER_INPUT"})
