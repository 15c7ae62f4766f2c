// One log line for each operation: the edge logs requests, but cannot see what they asked.

import { rootCause } from './errors.mjs';
import { log } from './log.mjs';
import { subscriptions } from './metrics.mjs';

export function useOperationLog() {
  const begin = ({ args }) => {
    const definition = args.document.definitions.find(
      (node) =>
        node.kind === 'OperationDefinition' && (!args.operationName || node.name?.value === args.operationName),
    );
    return {
      request_id: args.contextValue?.headers?.['x-request-id'],
      trace_id: args.contextValue?.headers?.traceparent?.split('-')[1],
      operation: definition?.name?.value,
      type: definition?.operation,
      started: performance.now(),
    };
  };
  const end = ({ started, ...operation }, errors) =>
    log.info('operation', {
      ...operation,
      duration_ms: Math.round((performance.now() - started) * 10) / 10,
      errors: errors?.map(code),
    });
  return {
    onExecute(payload) {
      const operation = begin(payload);
      return { onExecuteDone: ({ result }) => void end(operation, result?.errors) };
    },
    onSubscribe(payload) {
      const operation = begin(payload);
      return {
        onSubscribeResult({ result }) {
          if (!result?.[Symbol.asyncIterator]) return end(operation, result?.errors);
          subscriptions.inc();
          return {
            onEnd() {
              subscriptions.dec();
              end(operation);
            },
          };
        },
        onSubscribeError: ({ error }) => void end(operation, [error]),
      };
    },
  };
}

function code(error) {
  if (rootCause(error)?.name === 'AbortError') return 'CANCELLED'; // the client left
  return error.extensions?.code ?? 'INTERNAL';
}
