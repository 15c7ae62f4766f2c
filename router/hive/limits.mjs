// Bounds on what one document may ask for, checked before planning. They stop a small document from becoming a large
// plan; how much work a field is worth belongs to the subgraphs, which bound every list.

import { GraphQLError, Kind } from 'graphql';

/** `fields` counts a fragment's fields once for each spread: that is what the planner has to lay out. */
export const LIMITS = { tokens: 4000, depth: 15, aliases: 60, rootFields: 20, fields: 2000 };

/** Plugin: the token limit at parsing, the others as one validation rule, so that both are cached by document. */
export function useLimits(limits = LIMITS) {
  const rule = (context) => limitRule(context, limits);
  Object.defineProperty(rule, 'name', { value: 'DocumentLimits' }); // the validation cache is keyed by rule names
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => parseFn(source, { ...options, maxTokens: limits.tokens }));
    },
    onValidate({ addValidationRule }) {
      addValidationRule(rule);
    },
  };
}

function limitRule(context, limits) {
  const fragments = new Map();
  return {
    OperationDefinition(operation) {
      const size = measure(operation.selectionSet, context, fragments);
      size.rootFields = operation.selectionSet.selections.length;
      for (const name of ['depth', 'aliases', 'rootFields', 'fields']) {
        if (size[name] <= limits[name]) continue;
        context.reportError(
          new GraphQLError(`The operation is too large: ${name} is ${size[name]}, the limit ${limits[name]}.`, {
            nodes: operation,
            extensions: { code: 'OPERATION_TOO_LARGE' },
          }),
        );
      }
    },
  };
}

// Fragments are followed, so that spreading hides nothing, and each is measured once: following every spread would
// take exponential time. What introspection selects has no depth: the router answers it itself, and explorers nest
// `ofType` deeply.
function measure(selectionSet, context, fragments) {
  const size = { depth: 1, aliases: 0, fields: 0 };
  for (const node of selectionSet.selections) {
    let inner = { depth: 0, aliases: 0, fields: 0 };
    let step = 0;
    if (node.kind === Kind.FIELD) {
      size.fields += 1;
      if (node.alias) size.aliases += 1;
      step = 1;
      if (node.selectionSet && !node.name.value.startsWith('__'))
        inner = measure(node.selectionSet, context, fragments);
    } else if (node.kind === Kind.INLINE_FRAGMENT) {
      inner = measure(node.selectionSet, context, fragments);
    } else {
      inner = measureFragment(node.name.value, context, fragments) ?? inner;
    }
    size.depth = Math.max(size.depth, step + inner.depth);
    size.aliases += inner.aliases;
    size.fields += inner.fields;
  }
  return size;
}

function measureFragment(name, context, fragments) {
  if (!fragments.has(name)) {
    fragments.set(name, undefined); // a fragment that spreads itself adds nothing; another rule reports it
    const fragment = context.getFragment(name);
    if (fragment) fragments.set(name, measure(fragment.selectionSet, context, fragments));
  }
  return fragments.get(name);
}
