// Starts the federation router: Hive Gateway's runtime behind a plain Node server. Settings: settings.mjs.
//
//   POST /graphql   queries and mutations; subscriptions as server-sent events (Accept: text/event-stream)
//   GET  /graphql   the explorer for browsers; WebSocket upgrades speak graphql-transport-ws
//   GET  /health    the process is alive       GET /ready    the supergraph is loaded
//   GET  /metrics   Prometheus

import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import { Connections } from './connections.mjs';
import { createGateway } from './gateway.mjs';
import { clientAddress, requestId } from './headers.mjs';
import { log, setLevel } from './log.mjs';
import { observe, registry } from './metrics.mjs';
import { LiveGateway, watch } from './reload.mjs';
import { SettingsError, load } from './settings.mjs';
import { serveSubscriptions } from './subscriptions.mjs';
import { PREFLIGHT_HEADERS, bodyLimit, mayBeForged } from './uploads.mjs';

// The runtime hangs one listener per running request on the signal that ends all of them, and warns of a leak at 11.
setMaxListeners(0);

let settings;
try {
  settings = load();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}
setLevel(settings.level);
const connections = new Connections(settings);
const gateway = new LiveGateway((given) => createGateway(given, connections), settings);
let ready = false;
let stopping = false;

function json(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
}

function refuse(res, status, code, message, id) {
  res.setHeader('connection', 'close');
  json(res, status, { errors: [{ message, extensions: { code, requestId: id } }] });
}

const streams = new Set();

const server = createServer((req, res) => {
  const path = req.url.split('?', 1)[0];
  const id = requestId(req.headers);
  req.headers['x-request-id'] = id;
  req.headers['x-client-address'] = clientAddress(req);
  res.setHeader('x-request-id', id);
  observe(req, res, ['/graphql', '/health', '/ready', '/metrics'].includes(path) ? path : 'other');
  if (path === '/health') return json(res, 200, { status: 'ok' });
  if (path === '/ready') {
    const up = ready && !stopping;
    return json(res, up ? 200 : 503, { status: up ? 'ready' : stopping ? 'stopping' : 'starting' });
  }
  if (path === '/metrics')
    return registry.metrics().then((text) => {
      res.setHeader('content-type', registry.contentType);
      res.end(text);
    });
  if (path !== '/graphql') return refuse(res, 404, 'NOT_FOUND', 'The router answers on /graphql.', id);
  if (mayBeForged(req)) {
    const message = `A request in a form or in the address needs the header ${PREFLIGHT_HEADERS[0]}, with any value.`;
    return refuse(res, 400, 'BAD_REQUEST', message, id);
  }
  const limit = bodyLimit(req, settings);
  const tooLarge = `The request body is larger than ${limit} bytes.`;
  if (Number(req.headers['content-length']) > limit)
    return refuse(res, 413, 'PAYLOAD_TOO_LARGE', tooLarge, id);
  let received = 0;
  req.on('data', (chunk) => {
    received += chunk.length;
    if (received > limit && !res.headersSent) refuse(res, 413, 'PAYLOAD_TOO_LARGE', tooLarge, id);
  });
  res.once('close', () => connections.close(req));
  if (/text\/event-stream|multipart\/mixed/.test(req.headers.accept)) {
    if (!connections.open(req, clientAddress(req))) {
      res.setHeader('retry-after', '5');
      return refuse(res, 429, 'RATE_LIMITED', 'Too many event streams from this address; close one first.', id);
    }
    streams.add(res);
    res.once('close', () => streams.delete(res));
  }
  return gateway.handle(req, res, { connection: req });
});
// Longer than the edge keeps its connections, so that it never sends into one that is being closed.
server.keepAliveTimeout = 75_000;
server.headersTimeout = 20_000;

const endSubscriptions = serveSubscriptions(server, gateway, { connections, ...settings });

server.once('error', (error) => {
  log.error('cannot listen', { address: `${settings.host}:${settings.port}`, detail: error.message });
  process.exit(1);
});
server.listen(settings.port, settings.host, async () => {
  try {
    await gateway.ready();
  } catch (error) {
    log.error('cannot load the supergraph', { detail: error.message });
    process.exit(1);
  }
  ready = true;
  watch(settings.supergraphFile, async () => {
    await gateway.replace(load());
    takeSignals();
  });
  log.info('ready', { address: `http://${settings.host}:${server.address().port}/graphql` });
});

// Running operations may finish; subscriptions would not, so they end, and their clients go on at another process.
async function stop(signal) {
  if (stopping) return;
  stopping = true;
  log.info('stopping', { signal });
  setTimeout(() => {
    log.warning('stopped with operations still running', { waited_ms: settings.drain });
    process.exit(1);
  }, settings.drain).unref();
  const drained = new Promise((resolve) => server.close(resolve));
  setInterval(() => server.closeIdleConnections(), 50).unref(); // the edge keeps its connections open otherwise
  for (const stream of streams) stream.destroy();
  await endSubscriptions();
  await drained;
  await gateway.dispose();
  process.exit(0);
}
// After each gateway that is made: the runtime's own listeners would end running operations at once.
function takeSignals() {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.removeAllListeners(signal);
    process.on(signal, stop);
  }
}
takeSignals();
