// Files: sent as github.com/jaydenseric/graphql-multipart-request-spec has it, and passed on to the subgraph in the same
// form. A page of any site may have a browser send a form anywhere, without asking first, so a request in one of the types
// that a form can have must carry a header that it cannot: with it, the browser asks by a preflight, and CORS decides.

const FORM = /^\s*(multipart\/form-data|application\/x-www-form-urlencoded|text\/plain)\b/i;
const IN_ADDRESS = /[?&](query|extensions|documentId)=/;
/** Any one of them will do, with any value. */
export const PREFLIGHT_HEADERS = ['apollo-require-preflight', 'x-apollo-operation-name', 'x-graphql-require-preflight'];

/** The largest body of `req`: forms with files may be larger than other requests. */
export function bodyLimit(req, { maxBodyBytes, maxUploadBytes }) {
  return /^\s*multipart\/form-data\b/i.test(req.headers['content-type']) ? maxUploadBytes : maxBodyBytes;
}

/**
 * Whether a page of another site may have made a browser send `req` without a preflight: a form, or an operation in the
 * address.
 */
export function mayBeForged({ headers, url, method }) {
  if (PREFLIGHT_HEADERS.some((name) => headers[name] !== undefined)) return false;
  const type = headers['content-type'];
  return FORM.test(type) || (method !== 'POST' && type === undefined && IN_ADDRESS.test(url));
}
