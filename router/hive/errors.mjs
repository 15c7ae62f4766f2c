// What a client may see of an error. An error of a subgraph that has `extensions.code` is meant for clients and passes
// as it is. Any other failure behind the router (no answer, no JSON, no code) is replaced by a general message, since
// its own may hold addresses, queries or a stack.

import { GraphQLError, Kind } from 'graphql';
import { log } from './log.mjs';

// Codes that the runtime gives to a subgraph that did not answer, or not with GraphQL.
const UNREACHABLE = new Set([
  'SUBREQUEST_HTTP_ERROR',
  'RESPONSE_VALIDATION_FAILED',
  'DOWNSTREAM_SERVICE_ERROR',
  'TIMEOUT_ERROR',
]);
// Extensions that describe the request between router and subgraph, or steer the runtime's own HTTP answer.
const INTERNAL_EXTENSIONS = ['request', 'response', 'http', 'serviceName', 'exception', 'stacktrace', 'unexpected'];

/** The client's form of any error of an operation; `mask` of the runtime calls it for each. */
export function publicError(error) {
  if (rootCause(error)?.name === 'AbortError') return cancelled(error);
  if (!(error instanceof GraphQLError)) return internal(error);
  const { extensions, message, path } = error;
  // Set by the runtime on everything that came back from a subgraph.
  const service = extensions.service ?? extensions.serviceName;
  if (UNREACHABLE.has(extensions.code)) {
    log.warning('subgraph unavailable', { subgraph: service, code: extensions.code, detail: detail(error) });
    const which = service ? `The ${service} service` : 'A service behind this field';
    return new GraphQLError(`${which} is not available right now; try again shortly.`, {
      path,
      extensions: { code: 'UNAVAILABLE', ...(service && { service }) },
    });
  }
  // The router's own refusals: syntax, validation, limits, method. They keep their HTTP status and locations.
  if (!service) return ownError(error);
  if (!extensions.code) return internal(error);
  const shown = { ...extensions };
  for (const name of INTERNAL_EXTENSIONS) delete shown[name];
  return new GraphQLError(message, { path, extensions: shown });
}

function ownError(error) {
  const { extensions } = error;
  // What is no well-formed GraphQL request is 400 whatever the client accepts (GraphQL over HTTP, 6.4.1).
  const shown = { ...extensions, originalError: undefined };
  if (extensions.code === 'BAD_REQUEST') return copy(error, { ...shown, http: { ...extensions.http, spec: false, status: 400 } });
  if (extensions.code) return copy(error, shown);
  // Without a code: a variable that does not fit its type (a scalar's own refusal is wrapped), or a fault.
  const refusal = error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;
  return refusal ? copy(error, { code: 'BAD_USER_INPUT' }) : internal(error);
}

function copy({ message, nodes, source, positions, path }, extensions) {
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

// The client closed its connection: nobody reads this answer, and it is not logged as a fault.
function cancelled(error) {
  log.debug('client left', { subgraph: error.extensions?.service });
  return new GraphQLError('The request was cancelled.', { path: error.path, extensions: { code: 'CANCELLED' } });
}

function internal(error) {
  log.error('error without a code', { subgraph: error?.extensions?.service, detail: detail(error) });
  return new GraphQLError('Something went wrong on our side; the request id says which request it was.', {
    path: error?.path,
    extensions: { code: 'INTERNAL' },
  });
}

/** Plugin: put the request's id into each error of an answer, where people who report an error find it. */
export function useRequestIdInErrors() {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      const requestId = serverContext.req?.headers['x-request-id'];
      if (!requestId || !result?.errors?.length) return;
      // Copies: the errors of an invalid document are cached and belong to other requests too.
      const errors = result.errors.map((error) => copy(error, { ...error.extensions, requestId }));
      setResult({ ...result, errors });
    },
  };
}

/** What an error began as: errors that are given another path wrap the one before. */
export function rootCause(error) {
  return error?.originalError ? rootCause(error.originalError) : error;
}

function detail(error) {
  const cause = rootCause(error);
  return cause?.message || cause?.code || String(cause);
}
