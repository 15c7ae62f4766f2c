// Settings of the router, all from the environment. An unknown ROUTER_ name stops the start: a setting that is
// silently ignored is worse than a process that does not come up.
//
//   ROUTER_HOST              address to listen on                                      127.0.0.1
//   ROUTER_PORT              port to listen on                                         4000
//   ROUTER_SUPERGRAPH        file of the composed supergraph; read again when it changes
//                                                                                      schema/supergraph.graphql
//   ROUTER_<SUBGRAPH>_URL    where a subgraph is (ROUTER_USERS_URL …), for the address the supergraph names;
//                            without a path, /graphql is meant
//   ROUTER_SECRET            what subgraphs are shown, which answer nobody else; or     empty
//   ROUTER_SECRET_FILE       the file that holds it
//   ROUTER_SECRET_PREVIOUS   (and …_FILE) not used here: subgraphs accept it too, while the secret changes
//   ROUTER_TIMEOUT           longest wait for one answer of a subgraph; less than the
//                            edge waits, so that the rest of the data still arrives    10s
//   ROUTER_DEADLINE          longest time for a query or mutation as a whole; less than
//                            the edge waits                                            15s
//   ROUTER_DRAIN             longest wait for running operations when stopping         10s
//   ROUTER_HEARTBEAT         how often WebSockets are pinged, and closed when no answer
//                            came to the last ping                                     12s
//   ROUTER_CORS_ORIGINS      origins let in, comma-separated; empty = none, since the edge answers CORS
//   ROUTER_MAX_BODY_BYTES    largest request body or WebSocket message                 1048576
//   ROUTER_MAX_UPLOAD_BYTES  largest request with files (multipart/form-data)          8519680
//   ROUTER_MAX_QUERY_BYTES   longest query text                                        20000
//   ROUTER_MAX_COST          most objects that an operation may resolve (README.md)    10000
//   ROUTER_DOCUMENT_CACHE_BYTES
//                            memory for parsed documents and their plans, about        67108864
//   ROUTER_MAX_OPERATIONS_PER_CONNECTION
//                            subscriptions on one WebSocket                            100
//   ROUTER_MAX_CONNECTIONS_PER_ACCOUNT
//                            WebSockets and event streams of one account               20
//   ROUTER_MAX_CONNECTIONS_PER_ADDRESS
//                            the same from one client address, with a token or without 200
//   ROUTER_MAX_STARTS_PER_MINUTE
//                            operations that one address starts over WebSockets        300
//   ROUTER_OPERATIONS        file of the operations that clients may name by their hash schema/operations.json
//   ROUTER_SAFELIST          true refuses every other operation                        false
//   ROUTER_INTROSPECTION     false hides the schema, in the texts of errors too        true
//   ROUTER_EXPOSE_QUERY_PLAN true answers the header apollo-expose-query-plan: true with the plan
//                                                                                      false
//   ROUTER_EXPLORER          false takes the page for browsers away                    true
//   ROUTER_LOGGING_LEVEL     debug, info, warning or error                             info
//   ENVIRONMENT              production refuses introspection, plans, any origin and a missing secret
//                                                                                      development

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DEFAULTS = {
  ROUTER_HOST: '127.0.0.1',
  ROUTER_PORT: '4000',
  ROUTER_SUPERGRAPH: fileURLToPath(new URL('../../schema/supergraph.graphql', import.meta.url)),
  ROUTER_SECRET: '',
  ROUTER_SECRET_FILE: '',
  ROUTER_SECRET_PREVIOUS: '',
  ROUTER_SECRET_PREVIOUS_FILE: '',
  ROUTER_TIMEOUT: '10s',
  ROUTER_DEADLINE: '15s',
  ROUTER_DRAIN: '10s',
  ROUTER_HEARTBEAT: '12s',
  ROUTER_CORS_ORIGINS: '',
  ROUTER_MAX_BODY_BYTES: String(1024 * 1024),
  ROUTER_MAX_UPLOAD_BYTES: String(8 * 1024 * 1024 + 128 * 1024), // the products service takes images of 8 MiB
  ROUTER_MAX_QUERY_BYTES: '20000',
  ROUTER_MAX_COST: '10000',
  ROUTER_DOCUMENT_CACHE_BYTES: String(64 * 1024 * 1024),
  ROUTER_MAX_OPERATIONS_PER_CONNECTION: '100',
  ROUTER_MAX_CONNECTIONS_PER_ACCOUNT: '20',
  ROUTER_MAX_CONNECTIONS_PER_ADDRESS: '200',
  ROUTER_MAX_STARTS_PER_MINUTE: '300',
  ROUTER_OPERATIONS: fileURLToPath(new URL('../../schema/operations.json', import.meta.url)),
  ROUTER_SAFELIST: 'false',
  ROUTER_INTROSPECTION: 'true',
  ROUTER_EXPOSE_QUERY_PLAN: 'false',
  ROUTER_EXPLORER: 'true',
  ROUTER_LOGGING_LEVEL: 'info',
};
const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600 };

export class SettingsError extends Error {}

/** Read the environment and the supergraph; throws SettingsError, naming every fault, one a line. */
export function load(env = process.env) {
  const faults = [];
  const value = (name) => env[name] || DEFAULTS[name];
  const fault = (name, problem) => void faults.push(`${name}: ${problem}`);
  const integer = (name, from, to) => {
    const number = Number(value(name));
    if (!Number.isInteger(number) || number < from || number > to)
      fault(name, `${value(name)} is not a whole number from ${from} to ${to}`);
    return number;
  };
  const milliseconds = (name) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(value(name));
    if (!match) return fault(name, `${value(name)} is not a duration; write it like 15s or 250ms`);
    return Number(match[1]) * SECONDS[match[2] ?? 's'] * 1000;
  };
  const flag = (name) => {
    if (!['true', 'false'].includes(value(name))) fault(name, `${value(name)} is neither true nor false`);
    return value(name) === 'true';
  };

  let supergraph = '';
  try {
    supergraph = readFileSync(value('ROUTER_SUPERGRAPH'), 'utf8');
  } catch (error) {
    fault('ROUTER_SUPERGRAPH', `cannot read it (${error.message}); \`python -m deploy.tools.schema all\` writes it`);
  }
  let secret = value('ROUTER_SECRET');
  if (value('ROUTER_SECRET_FILE')) {
    if (secret) fault('ROUTER_SECRET_FILE', 'ROUTER_SECRET is set as well; set one of them');
    try {
      secret = readFileSync(value('ROUTER_SECRET_FILE'), 'utf8').trimEnd();
    } catch (error) {
      fault('ROUTER_SECRET_FILE', `cannot read it (${error.message})`);
    }
  }
  const names = [...supergraph.matchAll(/@join__graph\(name: "([^"]+)"/g)].map((match) => match[1]);
  const urls = {};
  for (const name of names) {
    const key = `ROUTER_${name.toUpperCase()}_URL`;
    if (!env[key]) continue;
    try {
      const url = new URL(env[key]);
      if (url.pathname === '/') url.pathname = '/graphql';
      urls[name] = url.href;
    } catch {
      fault(key, `${env[key]} is not an address; write it like http://127.0.0.1:4001`);
    }
  }
  let operations = new Map();
  try {
    const manifest = JSON.parse(readFileSync(value('ROUTER_OPERATIONS'), 'utf8'));
    operations = new Map(manifest.operations.map(({ id, body }) => [id, body]));
  } catch (error) {
    fault('ROUTER_OPERATIONS', `cannot read it (${error.message}); \`python -m deploy.tools.schema all\` writes it`);
  }
  const level = value('ROUTER_LOGGING_LEVEL');
  if (!['debug', 'info', 'warning', 'error'].includes(level))
    fault('ROUTER_LOGGING_LEVEL', `${level} is none of debug, info, warning, error`);

  const known = [...Object.keys(DEFAULTS), ...names.map((name) => `ROUTER_${name.toUpperCase()}_URL`)];
  // Which subgraphs there are is known from the supergraph only.
  const isKnown = (key) => known.includes(key) || (!supergraph && key.endsWith('_URL'));
  for (const key of Object.keys(env).filter((key) => key.startsWith('ROUTER_') && !isKnown(key)))
    fault(key, `unknown setting; known are ${known.join(', ')}`);

  const settings = {
    host: value('ROUTER_HOST'),
    port: integer('ROUTER_PORT', 0, 65_535),
    supergraph,
    supergraphFile: value('ROUTER_SUPERGRAPH'),
    subgraphs: names,
    urls,
    secret,
    timeout: milliseconds('ROUTER_TIMEOUT'),
    deadline: milliseconds('ROUTER_DEADLINE'),
    drain: milliseconds('ROUTER_DRAIN'),
    heartbeat: milliseconds('ROUTER_HEARTBEAT'),
    origins: value('ROUTER_CORS_ORIGINS').split(',').map((origin) => origin.trim()).filter(Boolean),
    maxBodyBytes: integer('ROUTER_MAX_BODY_BYTES', 1, 2 ** 30),
    maxUploadBytes: integer('ROUTER_MAX_UPLOAD_BYTES', 1, 2 ** 30),
    maxQueryBytes: integer('ROUTER_MAX_QUERY_BYTES', 1, 2 ** 30),
    maxCost: integer('ROUTER_MAX_COST', 1, 2 ** 31),
    documentCacheBytes: integer('ROUTER_DOCUMENT_CACHE_BYTES', 0, 2 ** 40),
    operationsPerConnection: integer('ROUTER_MAX_OPERATIONS_PER_CONNECTION', 1, 2 ** 31),
    connectionsPerAccount: integer('ROUTER_MAX_CONNECTIONS_PER_ACCOUNT', 1, 2 ** 31),
    connectionsPerAddress: integer('ROUTER_MAX_CONNECTIONS_PER_ADDRESS', 1, 2 ** 31),
    startsPerMinute: integer('ROUTER_MAX_STARTS_PER_MINUTE', 1, 2 ** 31),
    operations,
    safelist: flag('ROUTER_SAFELIST'),
    introspection: flag('ROUTER_INTROSPECTION'),
    exposeQueryPlan: flag('ROUTER_EXPOSE_QUERY_PLAN'),
    explorer: flag('ROUTER_EXPLORER'),
    level,
  };
  const environment = env.ENVIRONMENT || 'development';
  if (!['development', 'production'].includes(environment))
    fault('ENVIRONMENT', `${environment} is none of development, production`);
  if (environment === 'production') {
    if (!secret) fault('ROUTER_SECRET', 'it is missing, and production needs one; set it, or ROUTER_SECRET_FILE');
    if (settings.introspection) fault('ROUTER_INTROSPECTION', 'it is on, and tells the whole schema; set it to false');
    if (settings.exposeQueryPlan) fault('ROUTER_EXPOSE_QUERY_PLAN', 'it is on; set it to false');
    if (settings.origins.includes('*')) fault('ROUTER_CORS_ORIGINS', '* lets browsers in from any origin; name yours');
  }
  if (faults.length) throw new SettingsError(faults.join('\n'));
  return settings;
}
