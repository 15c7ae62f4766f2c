// Prometheus metrics, under the names that every process of the supergraph uses.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export const registry = new Registry();
collectDefaultMetrics({ register: registry });

const requests = new Counter({
  name: 'http_requests_total',
  help: 'HTTP requests answered.',
  labelNames: ['method', 'endpoint', 'status'],
  registers: [registry],
});
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Time to answer an HTTP request.',
  labelNames: ['method', 'endpoint'],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [registry],
});
const fetches = new Histogram({
  name: 'subgraph_request_duration_seconds',
  help: 'Time a subgraph took to answer the router, retries included.',
  labelNames: ['subgraph', 'operation'],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [registry],
});
export const subscriptions = new Gauge({
  name: 'graphql_subscriptions_active',
  help: 'Subscriptions open at the moment.',
  registers: [registry],
});

/** Count one HTTP answer once it is sent. Event streams are counted but not timed: they last as long as clients do. */
export function observe(req, res, endpoint) {
  const started = performance.now();
  res.once('close', () => {
    requests.inc({ method: req.method, endpoint, status: res.statusCode });
    const streamed = String(res.getHeader('content-type')).startsWith('text/event-stream');
    if (!streamed) duration.observe({ method: req.method, endpoint }, (performance.now() - started) / 1000);
  });
}

/** Plugin: time what subgraphs take. */
export function useSubgraphMetrics() {
  return {
    onSubgraphExecute({ subgraphName, executionRequest }) {
      if (executionRequest.operationType === 'subscription') return undefined;
      const stop = fetches.startTimer({ subgraph: subgraphName, operation: executionRequest.operationType });
      return () => void stop();
    },
  };
}
