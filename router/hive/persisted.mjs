// Operations that are known by the SHA-256 of their text: those of the manifest, which a client may name by the hash alone,
// and those that clients have sent with their hash before (automatic persisted queries). With the safelist on, there are
// no others.

import { createHash } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { BoundedCache } from './documents.mjs';

const CACHE_BYTES = 4 * 1024 * 1024;
const DOCUMENT_ID = /^(?:sha256:)?([0-9a-f]{64})$/i;

/**
 * Plugin: find the text of a hash, and refuse what is not to be run.
 *
 * @param operations of the manifest: its texts by their hashes
 * @param safelist whether they are all that is run
 */
export function usePersistedOperations({ operations, safelist, maxQueryBytes }) {
  const sent = new BoundedCache(CACHE_BYTES);
  const refusalOf = (text, claimed) => {
    if (text === undefined) return error('PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND', 200);
    const hash = safelist || claimed ? digest(text) : undefined;
    if (safelist && !operations.has(hash))
      return error('The operation is not in the safelist.', 'QUERY_NOT_IN_SAFELIST', 403);
    if (claimed && claimed !== hash)
      return error('The hash is not that of the query.', 'PERSISTED_QUERY_HASH_MISMATCH', 400);
    return undefined;
  };
  return {
    onParams({ params, setParams, setResult }) {
      const { documentId, ...known } = params;
      const hash = hashOf(params);
      const text = params.query ?? operations.get(hash) ?? sent.get(hash);
      // What lacks both, and what is no text, the runtime refuses.
      if (text === undefined ? hash === undefined : typeof text !== 'string') return;
      const refusal = refusalOf(text, params.query === undefined ? undefined : hash);
      // Thrown, it would end a WebSocket.
      if (refusal) setResult({ errors: [refusal] });
      else if (hash && text.length <= maxQueryBytes && !operations.has(hash)) sent.set(hash, text, 2 * text.length);
      setParams({ ...known, query: text ?? '' });
    },
  };
}

function hashOf({ extensions, documentId }) {
  const given = extensions?.persistedQuery?.sha256Hash ?? documentId;
  return typeof given === 'string' ? (DOCUMENT_ID.exec(given)?.[1].toLowerCase() ?? given) : undefined;
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex');
}

function error(message, code, status) {
  return new GraphQLError(message, { extensions: { code, http: { status } } });
}
