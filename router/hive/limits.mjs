// Bounds on what one document may ask for: its form before it is validated, its cost before it is executed. They stop a
// small document from becoming a large plan, or a small plan from becoming a large answer.

import { Kind, getOperationAST } from 'graphql';
import { costOf } from './cost.mjs';
import { tooLarge } from './documents.mjs';

/**
 * Of a document and of each of its operations. Fragments count as often as they are spread: that is what the planner
 * has to lay out.
 */
export const LIMITS = { tokens: 4000, depth: 15, aliases: 60, fields: 2000 };
/** Root fields by operation type. Each mutation is a unit of work of its own, with its own price. */
export const ROOT_FIELDS = { query: 20, mutation: 10, subscription: 1 };

/** Plugin: refuse a document of too many tokens while parsing, one of too large a form before it is validated. */
export function useLimits() {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => parseFn(source, { ...options, maxTokens: LIMITS.tokens }));
    },
    onValidate({ params: { documentAST }, validateFn, setValidationFn }) {
      setValidationFn((schema, document, ...rest) => {
        const refusals = checkForm(documentAST);
        return refusals.length ? refusals : validateFn(schema, document, ...rest);
      });
    },
  };
}

/** Plugin: refuse an operation that may resolve more than `maxCost` objects. */
export function useCostLimit({ maxCost }) {
  const fixedCosts = new WeakMap(); // by operation: those that no variable has a part in
  const check = ({ args: { schema, document, operationName, variableValues }, setResultAndStopExecution }) => {
    const operation = getOperationAST(document, operationName);
    if (!operation) return; // the runtime refuses it
    let cost = fixedCosts.get(operation);
    if (cost === undefined) {
      const measured = costOf({ schema, document, operation, variables: variableValues ?? {} });
      cost = measured.cost;
      if (measured.fixed) fixedCosts.set(operation, cost);
    }
    if (cost <= maxCost) return;
    const problem = `it may resolve ${cost} objects, the limit is ${maxCost}`;
    const advice = 'Ask for smaller pages, or for fewer lists inside lists.';
    setResultAndStopExecution({ errors: [tooLarge(`The operation is too large: ${problem}. ${advice}`, operation)] });
  };
  return { onExecute: check, onSubscribe: check };
}

function checkForm(document) {
  const fragments = new Map();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, { node });
  const refusals = [];
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    const size = measure(node.selectionSet, fragments);
    const limits = { ...LIMITS, rootFields: ROOT_FIELDS[node.operation] };
    for (const name of ['depth', 'aliases', 'rootFields', 'fields'])
      if (size[name] > limits[name])
        refusals.push(
          tooLarge(`The operation is too large: ${name} is ${size[name]}, the limit is ${limits[name]}.`, node),
        );
    if (refusals.length) break;
  }
  return refusals;
}

// Fragments are followed, so that spreading hides nothing, and each is measured once: following every spread would
// take exponential time. What introspection selects has no depth: explorers nest `ofType` deeply, and a rule of validation
// bounds its lists.
function measure(selectionSet, fragments) {
  const size = { depth: 1, aliases: 0, fields: 0, rootFields: 0 };
  for (const node of selectionSet.selections) {
    const inner = measureNode(node, fragments);
    size.depth = Math.max(size.depth, inner.depth);
    for (const name of ['aliases', 'fields', 'rootFields']) size[name] += inner[name];
  }
  return size;
}

const NOTHING = { depth: 0, aliases: 0, fields: 0, rootFields: 0 };

function measureNode(node, fragments) {
  if (node.kind === Kind.INLINE_FRAGMENT) return measure(node.selectionSet, fragments);
  if (node.kind === Kind.FRAGMENT_SPREAD) return measureFragment(node.name.value, fragments);
  const inner = node.selectionSet ? measure(node.selectionSet, fragments) : NOTHING;
  return {
    depth: node.name.value.startsWith('__') ? 1 : 1 + inner.depth,
    aliases: (node.alias ? 1 : 0) + inner.aliases,
    fields: 1 + inner.fields,
    rootFields: 1,
  };
}

// An unknown fragment, and one that spreads itself, add nothing: validation reports them.
function measureFragment(name, fragments) {
  const fragment = fragments.get(name);
  if (!fragment) return NOTHING;
  if (!fragment.size) {
    fragment.size = NOTHING;
    fragment.size = measure(fragment.node.selectionSet, fragments);
  }
  return fragment.size;
}
