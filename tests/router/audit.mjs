// The public audit of GraphQL over HTTP against one address: node audit.mjs URL; prints {id, name, status, reason} of each.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../../router/hive/package.json', import.meta.url));
const { auditServer } = require('graphql-http');

// Both routers take an operation in the address from who sends this header, which no page of another site can.
const fetchFn = (input, init) =>
  fetch(input, { ...init, headers: { ...init?.headers, 'apollo-require-preflight': 'true' } });
const results = await auditServer({ url: process.argv[2], fetchFn });
const rows = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
process.stdout.write(JSON.stringify(rows));
