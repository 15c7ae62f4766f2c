// What a client learns from an invalid document.

import { GraphQLError, validate } from 'graphql';

/** Of one document; then validation stops. Sixty unknown directives need no sixty errors. */
export const MAX_ERRORS = 10;
const SUGGESTION = / ?Did you mean .*$/s;

/** Plugin: few errors, and no names out of the schema in them where the schema itself is not shown. */
export function useValidation({ introspection }) {
  const plugin = {
    onValidate({ setValidationFn }) {
      setValidationFn((schema, document, rules) => validate(schema, document, rules, { maxErrors: MAX_ERRORS }));
    },
  };
  if (introspection) return plugin;
  return {
    ...plugin,
    onExecutionResult({ result, setResult }) {
      if (result?.errors) setResult({ ...result, errors: result.errors.map(withoutSuggestion) });
    },
  };
}

function withoutSuggestion(error) {
  const { message, nodes, source, positions, path, extensions } = error;
  // A subgraph's own errors may ask what they like: they are about data, not about the schema.
  if (extensions?.service || !SUGGESTION.test(message)) return error;
  return new GraphQLError(message.replace(SUGGESTION, ''), { nodes, source, positions, path, extensions });
}
