// The plan of an operation, as the gateway would make it: node plan.mjs [--supergraph FILE] [--operation NAME] < operation

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { QueryPlanner } from '@graphql-hive/router-query-planner';

const SUPERGRAPH = fileURLToPath(new URL('../../schema/supergraph.graphql', import.meta.url));

const { values } = parseArgs({
  options: { supergraph: { type: 'string', default: SUPERGRAPH }, operation: { type: 'string' } },
});

try {
  const planner = new QueryPlanner(readFileSync(values.supergraph, 'utf8'));
  const { node } = planner.plan(readFileSync(0, 'utf8'), values.operation, new Set(), 0);
  const lines = node ? described(node) : ['Nothing: the router answers by itself'];
  process.stdout.write(`${lines.join('\n')}\n`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

// One line for each step, those within it further in.
function described(node) {
  switch (node.kind) {
    case 'Sequence':
    case 'Parallel':
      return [node.kind === 'Sequence' ? 'One after the other' : 'At once', ...inner(node.nodes)];
    case 'Flatten':
      return [`For ${pathOf(node.path)}`, ...inner([node.node])];
    case 'Subscription':
      return [`Subscribe at ${node.primary.serviceName}: ${node.primary.operation}`];
    case 'Condition': {
      const branches = [
        [`If $${node.condition}`, node.ifClause],
        [`If not $${node.condition}`, node.elseClause],
      ];
      return branches.flatMap(([title, branch]) => (branch ? [title, ...inner([branch])] : []));
    }
    case 'Fetch':
      return [`Ask ${node.serviceName}: ${node.operation}`];
    case 'BatchFetch': {
      const paths = node.entityBatch.aliases.flatMap(({ paths }) => paths.map(pathOf));
      return [`For ${paths.join(' and ')}`, `  Ask ${node.serviceName}: ${node.operation}`];
    }
    default:
      return [node.kind];
  }
}

function inner(nodes) {
  return nodes.flatMap(described).map((line) => `  ${line}`);
}

function pathOf(path) {
  return path.map(segment).join('.');
}

function segment(part) {
  if (typeof part === 'string') return part === '@' || part === 'List' ? '*' : part;
  if (part.Field) return part.Field;
  if (part.Key) return part.Key;
  if (part.TypeCondition) return `[${part.TypeCondition.join('|')}]`;
  if (part.Cast) return `[${part.Cast}]`;
  return JSON.stringify(part);
}
