// Subscriptions, both ways over graphql-transport-ws. Header propagation does not reach WebSockets, so what would be
// headers travels in the payload of connection_init, from the client to the router and on to the subgraph.

import { getGraphQLWSOptions } from '@graphql-hive/gateway-runtime';
import { GraphQLError, print } from 'graphql';
import { CloseCode, createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import { clientAddress, credentials, forwarded, requestId } from './headers.mjs';

const CLOSING_HANDSHAKE = 1_000; // time for clients to answer the close when the router stops

/**
 * Transport to a subgraph: one connection for one subscription, so that ending it ends exactly that.
 *
 * The mesh's own WebSocket transport reconnects by itself and subscribes again with the first variables, which would
 * replay events. Here a lost connection ends the subscription with an error, and the client goes on from the last
 * event it saw.
 */
export function upstreamTransport(connections, { secret }) {
  class UpstreamSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers: credentials(secret) });
    }
  }
  return {
    getSubgraphExecutor({ transportEntry, subgraphName }) {
      const url = transportEntry.location.replace(/^http/, 'ws');
      return (request) => subscribe(request, { url, service: subgraphName, connections, UpstreamSocket });
    },
  };
}

function subscribe({ document, variables, operationName, context, signal }, { url, service, connections, UpstreamSocket }) {
  let refusal;
  const client = createClient({
    url,
    webSocketImpl: UpstreamSocket,
    connectionParams: forwarded(context.headers),
    retryAttempts: 0,
    connectionAckWaitTimeout: 5_000,
    keepAlive: 15_000, // notices a subgraph that vanished without closing
    on: {
      connected() {
        refusal = connections.accepted(context.connection, context.headers.authorization);
        if (refusal) client.terminate();
      },
    },
  });
  const events = client.iterate({ query: print(document), variables, operationName });
  const end = () => void Promise.resolve(events.return()).finally(() => client.dispose());
  signal?.addEventListener('abort', end, { once: true });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const event = await events.next();
        if (event.done) await client.dispose();
        return event;
      } catch (failure) {
        await client.dispose();
        throw refusal ?? connectionError(failure, service);
      }
    },
    async return(value) {
      end();
      return { done: true, value };
    },
  };
}

function connectionError(failure, service) {
  if (Array.isArray(failure)) {
    const [{ message, path, extensions }] = failure; // errors of the operation itself, as they came over the wire
    return new GraphQLError(message, { path, extensions: { ...extensions, service } });
  }
  const refused = failure?.code === CloseCode.Forbidden || failure?.code === CloseCode.Unauthorized;
  return refused
    ? new GraphQLError('The token was not accepted; log in again.', {
        extensions: { code: 'UNAUTHENTICATED', service },
      })
    : new GraphQLError(`connection lost: ${failure?.code ?? failure?.message}`, {
        extensions: { code: 'DOWNSTREAM_SERVICE_ERROR', service },
      });
}

/** Plugin: only subscriptions run over a WebSocket. Each message of one would pass by the edge's limit of requests. */
export function useSubscriptionsOnly() {
  return {
    onExecute({ args, setResultAndStopExecution }) {
      if (!args.contextValue.websocket) return;
      const message = 'Only subscriptions run over a WebSocket; send queries and mutations by POST.';
      setResultAndStopExecution({ errors: [new GraphQLError(message, { extensions: { code: 'BAD_REQUEST' } })] });
    },
  };
}

/** Accept clients' WebSockets on /graphql; returns what stops them. */
export function serveSubscriptions(server, gateway, settings) {
  const { connections, maxBodyBytes, operationsPerConnection, heartbeat } = settings;
  const sockets = new WebSocketServer({
    server,
    path: '/graphql',
    maxPayload: maxBodyBytes,
    verifyClient: ({ req }, accept) =>
      connections.open(req, clientAddress(req))
        ? accept(true)
        : accept(false, 429, 'Too many connections from this address; close one first.', { 'retry-after': '5' }),
  });
  sockets.on('connection', (socket, req) => socket.once('close', () => connections.close(req)));
  const options = getGraphQLWSOptions(gateway, ({ extra, connectionParams }) => ({
    req: extra.request,
    websocket: true,
    connection: extra.request,
    headers: clientHeaders(extra.request, connectionParams),
    connectionParams: undefined, // taken over above, checked; the runtime would merge it unchecked
  }));
  const { onSubscribe } = options;
  options.onSubscribe = (context, ...operation) => {
    if (Object.keys(context.subscriptions).length > operationsPerConnection)
      return rateLimited(`At most ${operationsPerConnection} operations run on one connection; open another.`);
    if (!connections.start(clientAddress(context.extra.request)))
      return rateLimited('Too many operations from this address; wait, then go on more slowly.');
    return onSubscribe(context, ...operation);
  };
  const serving = useServer(options, sockets, heartbeat);
  return async () => {
    const terminating = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), CLOSING_HANDSHAKE);
    await serving.dispose();
    clearTimeout(terminating);
  };
}

function rateLimited(message) {
  return [new GraphQLError(message, { extensions: { code: 'RATE_LIMITED' } })];
}

// Clients write the token as `authorization`, `Authorization`, or one level down under `headers` (Apollo Sandbox). Only
// the token and the trace are taken from connection_init; the address and all other headers are those of the upgrade
// request, which came through the edge.
function clientHeaders(upgrade, connectionParams) {
  const headers = {
    ...upgrade.headers,
    'x-request-id': requestId(upgrade.headers),
    'x-client-address': clientAddress(upgrade),
  };
  const given = { ...connectionParams?.headers, ...connectionParams };
  for (const [name, value] of Object.entries(given)) {
    const header = name.toLowerCase();
    if (['authorization', 'traceparent', 'tracestate'].includes(header) && typeof value === 'string')
      headers[header] = value;
  }
  return headers;
}
