// node executor.mjs apollo|mercurius QUERY SECONDS: CPU microseconds of one execution with its answer as JSON.

const [which, query, seconds] = process.argv.slice(2);
const typeDefs = `type Query { products: [Product!]! }
type Product { id: ID! sku: String! name: String! currency: String! stock: Int! active: Boolean! }`;
const products = Array.from({ length: 50 }, (_, n) => ({ id: `p${n}`, sku: `SKU-${n}`, name: `Product ${n}`,
  currency: 'EUR', stock: n, active: true }));
const resolvers = { Query: { products: async () => products } };
let once;
if (which === 'apollo') {
  const { ApolloServer } = await import('@apollo/server');
  const server = new ApolloServer({ typeDefs, resolvers });
  await server.start();
  once = async () => JSON.stringify((await server.executeOperation({ query })).body.singleResult);
} else {
  const fastify = (await import('fastify')).default();
  fastify.register((await import('mercurius')).default, { schema: typeDefs, resolvers, jit: 1 });
  await fastify.ready();
  once = async () => JSON.stringify(await fastify.graphql(query));
}
if (JSON.parse(await once()).data.products.length !== 50) throw new Error('a wrong answer');
for (let n = 0; n < 3000; n++) await once();
const start = process.cpuUsage();
const end = Date.now() + 1000 * seconds;
let count = 0;
for (; Date.now() < end; count++) await once();
const used = process.cpuUsage(start);
console.log((used.user + used.system) / count);
