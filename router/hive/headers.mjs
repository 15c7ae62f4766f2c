// Which request headers go on to the subgraphs, over HTTP and in connection_init alike.

import { randomUUID } from 'node:crypto';

const FORWARDED = [
  'authorization',
  'x-request-id',
  'traceparent',
  'tracestate',
  'user-agent',
  'x-client-address',
  'idempotency-key',
];

/** What tells a subgraph that the router asks: it goes with each request and each WebSocket. */
export function credentials(secret) {
  return secret ? { 'x-router-secret': secret } : {};
}

/** The part of a client's headers that subgraphs get. */
export function forwarded(headers = {}) {
  const chosen = {};
  for (const name of FORWARDED) if (headers[name]) chosen[name] = headers[name];
  return chosen;
}

/** The request's id: the caller's where it is fit for a log line, otherwise a new one. */
export function requestId(headers) {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Where a request came from: what the edge says, or else, without an edge in front, the peer of the connection. */
export function clientAddress({ headers, socket }) {
  return headers['x-client-address'] || (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

/**
 * Plugin: pass the headers on. They are set before the HTTP executor builds its request, not when it is sent: the
 * executor merges requests that look the same to it, so the caller's token must be part of what it compares.
 */
export function useForwardedHeaders({ secret }) {
  return {
    onSubgraphExecute({ executionRequest }) {
      // A file goes on in a form, which subgraphs take from nobody who might be a browser that was tricked.
      const headers = {
        ...forwarded(executionRequest.context?.headers),
        ...credentials(secret),
        'apollo-require-preflight': 'true',
      };
      executionRequest.extensions = { headers };
    },
  };
}
