// The federation runtime: what it does with a request once the server has taken it.

import { Agent } from 'node:http';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { unifiedGraphHandler, useQueryPlan } from '@graphql-hive/router-runtime';
import http from '@graphql-mesh/transport-http';
import { useDeadline } from './deadline.mjs';
import { useDocuments } from './documents.mjs';
import { publicError, useRequestIdInErrors } from './errors.mjs';
import { explorer } from './explorer.mjs';
import { useForwardedHeaders } from './headers.mjs';
import { useCostLimit, useLimits } from './limits.mjs';
import { useSubgraphMetrics } from './metrics.mjs';
import { useOperationLog } from './operations.mjs';
import { usePersistedOperations } from './persisted.mjs';
import { upstreamTransport, useSubscriptionsOnly } from './subscriptions.mjs';
import { useValidation } from './validation.mjs';

// uvicorn closes a connection that is idle for 5 s. A request that is sent at that moment is lost, and a mutation must
// not be sent twice. So the router closes idle connections before uvicorn does.
const agent = new Agent({ keepAlive: true, timeout: 4_000, maxSockets: 256 });

/** @param connections who holds how many; shared with what accepts WebSockets */
export function createGateway(settings, connections) {
  return createGatewayRuntime({
    supergraph: settings.supergraph,
    unifiedGraphHandler, // the query planner in Rust
    transports: { http, ws: upstreamTransport(connections, settings) },
    transportEntries: Object.fromEntries(
      settings.subgraphs.map((name) => [name, transportEntry(settings, name)]),
    ),
    customAgent: () => agent,
    upstreamRetry: ({ executionRequest }) =>
      executionRequest.operationType === 'query' ? { maxRetries: 1, retryDelay: 50, shouldRetry } : undefined,
    upstreamCancellation: true,
    subgraphErrors: { errorCode: false, subgraphNameProp: 'service' },
    maskedErrors: { maskError: publicError },
    requestId: false, // the server sets it, for WebSockets too
    batching: false,
    multipart: true, // uploads.mjs
    cors: settings.origins.length ? { origin: settings.origins, credentials: false } : false,
    landingPage: false,
    logging: false,
    disableIntrospection: !settings.introspection,
    ...(settings.explorer ? explorer : { graphiql: false }),
    // In the order in which they see a request. What refuses an operation ends that, so the log comes before.
    plugins: () => [
      useForwardedHeaders(settings),
      useOperationLog(),
      usePersistedOperations(settings),
      useDocuments(settings),
      useValidation(settings),
      useLimits(),
      useSubscriptionsOnly(),
      useCostLimit(settings),
      useDeadline(settings),
      useSubgraphMetrics(),
      useRequestIdInErrors(),
      ...(settings.exposeQueryPlan ? [useQueryPlan({ expose: asksForPlan })] : []),
    ],
  });
}

// As Apollo Router is asked.
function asksForPlan(request) {
  return request?.headers.get('apollo-expose-query-plan') === 'true';
}

function transportEntry({ timeout, urls }, name) {
  return {
    ...(urls[name] && { location: urls[name] }),
    options: {
      timeout, // of one request to the subgraph; subscriptions have none
      deduplicateInflightRequests: false, // each request carries its own id, so no two are the same
      subscriptions: { kind: 'ws' },
    },
  };
}

// A read is tried once more if it did not reach the subgraph, or got 502 to 504 from one that starts or is overloaded.
// Not if the answer says when to retry: that wait is left to the client.
function shouldRetry({ executionResult, response }) {
  if (response) return [502, 503, 504].includes(response.status) && !response.headers.get('retry-after');
  return Boolean(executionResult?.errors?.some(notReached));
}

function notReached({ extensions, originalError }) {
  return extensions?.code === 'SUBREQUEST_HTTP_ERROR' && originalError?.name !== 'TimeoutError';
}
