// A deadline for each query and mutation, whatever its plan: one that asks a slow subgraph several times in a row would
// otherwise take that many time-outs. A subscription has none; each of its events is bounded by the subgraphs' time-outs.

import { GraphQLError } from 'graphql';

const controllers = new WeakMap(); // by the context of an operation

/** Plugin: answer with TIMEOUT after `deadline` milliseconds, and cancel what still waits for subgraphs. */
export function useDeadline({ deadline }) {
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      setExecuteFn((executionArgs) => {
        const controller = new AbortController();
        controllers.set(executionArgs.contextValue, controller);
        let timer;
        const late = new Promise((resolve) => {
          timer = setTimeout(() => {
            resolve({ errors: [timeoutError(deadline, args)] });
            controller.abort();
          }, deadline);
        });
        const answer = (async () => executeFn(executionArgs))().finally(() => clearTimeout(timer));
        return Promise.race([answer, late]);
      });
    },
    // Not given to the execution as a whole: the planner keeps the plan of a cancelled request, which is an error, and
    // would answer every later request for that document with it.
    onSubgraphExecute({ executionRequest }) {
      const controller = controllers.get(executionRequest.context);
      if (!controller) return;
      const clientLeft = executionRequest.signal;
      if (clientLeft?.aborted) return;
      clientLeft?.addEventListener('abort', () => controller.abort(clientLeft.reason), { once: true });
      executionRequest.signal = controller.signal;
    },
  };
}

function timeoutError(deadline, { document }) {
  const mutates = document.definitions.some(({ operation }) => operation === 'mutation');
  const advice = mutates ? 'it may have been carried out all the same' : 'ask for less, or try again';
  return new GraphQLError(`The operation took longer than ${deadline / 1000} s; ${advice}.`, {
    extensions: { code: 'TIMEOUT', http: { status: 504 } },
  });
}
