// Documents: how long a query text may be, and how much memory what was made of one may take.

import { GraphQLError } from 'graphql';

// What the heap holds for one token of a document: the token, its nodes, its share of the query plan. Measured are 90 bytes
// for a comment and 360 to 500 for all else.
const BYTES_PER_TOKEN = 600;

/** A refusal for size. It is answered like a validation error: 400, or 200 to who accepts application/json only. */
export function tooLarge(message, nodes) {
  return new GraphQLError(message, {
    nodes,
    extensions: { code: 'OPERATION_TOO_LARGE', http: { spec: true, status: 400 } },
  });
}

/** Least recently used first out, by the bytes that its values take. */
export class BoundedCache {
  #entries = new Map();
  #free;

  constructor(maxBytes) {
    this.#free = maxBytes;
  }

  get size() {
    return this.#entries.size;
  }

  get(key) {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry); // a Map keeps the order of insertion: this one is the latest now
    return entry.value;
  }

  set(key, value, bytes) {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#free -= bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#free >= 0) break;
      this.delete(oldest);
    }
  }

  delete(key) {
    this.#free += this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

/**
 * Plugin: refuse a query text that is too long before it is parsed, and keep parsed documents in a cache that is
 * bounded by bytes, in place of the runtime's, which holds 1024 of any size. The results of validation and the plans
 * are kept by document, weakly, and so go with it. A text that does not parse is not kept at all.
 */
export function useDocuments({ maxQueryBytes, documentCacheBytes }) {
  const documents = new BoundedCache(documentCacheBytes);
  const validated = new WeakMap();
  const cache = {
    onParse({ params: { source }, setParsedDocument }) {
      const text = source.toString();
      const known = documents.get(text);
      if (known) return void setParsedDocument(known);
      return ({ result }) => {
        if (!(result instanceof Error)) documents.set(text, result, footprint(text, result));
        else if (result instanceof GraphQLError) result.extensions.code ??= 'GRAPHQL_PARSE_FAILED';
      };
    },
    // The schema is read once, at the start, and the rules are always the same: the document alone is the key.
    onValidate({ params: { documentAST }, setResult }) {
      const known = validated.get(documentAST);
      if (known) return void setResult(known);
      return ({ result }) => void validated.set(documentAST, result);
    },
  };
  return {
    onPluginInit: ({ plugins }) => replaceCache(plugins, cache),
    onParse({ params: { source } }) {
      const bytes = Buffer.byteLength(source.toString());
      if (bytes > maxQueryBytes)
        throw tooLarge(`The query text is too large: it has ${bytes} bytes, the limit is ${maxQueryBytes}.`);
    },
  };
}

// The runtime takes no option for its cache, and its plugins have no names; this one is known by what its hook keeps.
// A version of the runtime where that is not so must not start with a cache that is bounded by count.
function replaceCache(plugins, cache) {
  const found = plugins.filter((plugin) => String(plugin?.onParse).includes('documentCache'));
  if (found.length !== 1) throw new Error(`the document cache of the runtime was not found (${found.length} fit)`);
  plugins[plugins.indexOf(found[0])] = cache;
}

function footprint(text, document) {
  let tokens = 0;
  for (let token = document.loc.startToken; token; token = token.next) tokens += 1; // comments too
  return 2 * text.length + BYTES_PER_TOKEN * tokens;
}
