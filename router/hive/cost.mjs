// The cost of an operation: how many objects it may resolve at most. Each field of an object type costs one for each
// time it is resolved, that is the product of the sizes of the lists around it, times its own size if it is a list.
// Leaves cost nothing. The size of a list is the `first` of its field; for a connection that is the size of its `edges`
// and `nodes`, not of the connection itself. Any other list counts as ten.

import { Kind, getNamedType, getNullableType, isCompositeType, isListType } from 'graphql';

const LIST = 10;
const PAGE = 20; // where neither the operation nor the schema says how many
const ENTRIES = new Set(['edges', 'nodes']);
// The router answers these itself, from the schema: about as many objects as one asks for that asks for all there is.
// Each alias inside may ask for that again.
const INTROSPECTION = { __schema: 2500, __type: 250 };

/**
 * The cost of one operation.
 *
 * @param document what `operation` is in, for its fragments; it must be valid
 * @param variables as the client sent them; where one is missing or no number, its default counts
 * @returns {{ cost: number, fixed: boolean }} `fixed` if no variable has a part in it
 */
export function costOf({ schema, document, operation, variables = {} }) {
  const fragments = new Map();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, { node });
  const defaults = new Map(
    (operation.variableDefinitions ?? []).map((node) => [node.variable.name.value, node.defaultValue]),
  );
  const walk = { schema, fragments, variables, defaults, fixed: true };
  const { own } = selectionCost(walk, operation.selectionSet, schema.getRootType(operation.operation));
  return { cost: own, fixed: walk.fixed };
}

// The cost of a selection on one object of `type`: `own`, plus `perEntry` for each entry of the page, if the object is
// a connection. A fragment on a connection is spread under pages of several sizes; so it is measured once, for all.
function selectionCost(walk, selectionSet, type) {
  const total = { own: 0, perEntry: 0 };
  for (const node of selectionSet.selections) {
    const part = nodeCost(walk, node, type);
    total.own += part.own;
    total.perEntry += part.perEntry;
  }
  return total;
}

function nodeCost(walk, node, type) {
  if (node.kind === Kind.FIELD) return fieldCost(walk, node, type);
  if (node.kind === Kind.INLINE_FRAGMENT) return selectionCost(walk, node.selectionSet, conditionType(walk, node) ?? type);
  const fragment = walk.fragments.get(node.name.value);
  fragment.cost ??= selectionCost(walk, fragment.node.selectionSet, conditionType(walk, fragment.node));
  return fragment.cost;
}

function conditionType({ schema }, { typeCondition }) {
  return typeCondition && schema.getType(typeCondition.name.value);
}

function fieldCost(walk, node, parent) {
  const name = node.name.value;
  if (name.startsWith('__')) return { own: (INTROSPECTION[name] ?? 0) * (1 + aliases(walk, node)), perEntry: 0 };
  const field = parent.getFields()[name];
  const type = getNamedType(field.type);
  if (!isCompositeType(type)) return { own: 0, perEntry: 0 };
  const inner = selectionCost(walk, node.selectionSet, type);
  const page = pageSize(walk, node, field);
  const object = 1 + inner.own + inner.perEntry * (page ?? PAGE);
  if (!isListType(getNullableType(field.type))) return { own: object, perEntry: 0 };
  if (page === undefined && ENTRIES.has(name)) return { own: 0, perEntry: object };
  return { own: object * (page ?? LIST), perEntry: 0 };
}

function aliases(walk, { selectionSet }) {
  let count = 0;
  for (const node of selectionSet?.selections ?? []) {
    if (node.alias) count += 1;
    const fragment = node.kind === Kind.FRAGMENT_SPREAD && walk.fragments.get(node.name.value);
    if (fragment) fragment.aliases ??= aliases(walk, fragment.node);
    count += fragment ? fragment.aliases : aliases(walk, node);
  }
  return count;
}

// What `first` says, if the field has it; null and what is no number count as if it were absent.
function pageSize(walk, node, field) {
  const argument = field.args.find(({ name }) => name === 'first');
  if (!argument) return undefined;
  const byDefault = Number.isInteger(argument.defaultValue) ? argument.defaultValue : PAGE;
  let value = node.arguments.find(({ name }) => name.value === 'first')?.value;
  if (value?.kind === Kind.VARIABLE) {
    walk.fixed = false;
    const given = walk.variables[value.name.value];
    if (Number.isInteger(given)) return Math.max(given, 1);
    value = given === undefined ? walk.defaults.get(value.name.value) : undefined;
  }
  return value?.kind === Kind.INT ? Math.max(Number(value.value), 1) : byDefault;
}
