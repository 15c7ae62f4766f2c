// node server.mjs apollo|mercurius: serves accounts and products from memory, and prints its address.

const [which] = process.argv.slice(2);
const typeDefs = `
scalar _Any
union _Entity = User | Product
type Query { _entities(representations: [_Any!]!): [_Entity]! products(first: Int = 20): ProductConnection! }
type User { id: ID! username: String! active: Boolean! role: String! createdAt: String! firstName: String }
type Money { amount: String! currency: String! }
type Category { name: String! }
type Product { id: ID! name: String! sku: String! stock: Int! active: Boolean! price: Money! category: Category }
type ProductConnection { nodes: [Product!]! }`;

const product = (id) => ({
  __typename: 'Product', id, name: `Product ${id}`, sku: `SKU-${id}`, stock: 7, active: true,
  price: { amount: '12.50', currency: 'EUR' }, category: { name: 'Notebooks' },
});
const user = (id) => ({
  __typename: 'User', id, username: `user ${id}`, active: true, role: 'CUSTOMER',
  createdAt: '2026-01-01T00:00:00Z', firstName: null,
});
const known = { User: new Map(), Product: new Map() };
const make = { User: user, Product: product };
const entity = ({ __typename: type, id }) => {
  if (!known[type].has(id)) known[type].set(id, make[type](id));
  return known[type].get(id);
};
const catalogue = Array.from({ length: 100 }, (_, n) => product(`p${n}`));
const resolvers = {
  Query: {
    _entities: async (_, { representations }) => representations.map(entity),
    products: async (_, { first }) => ({ nodes: catalogue.slice(0, first) }),
  },
};

if (which === 'apollo') {
  const { ApolloServer } = await import('@apollo/server');
  const { startStandaloneServer } = await import('@apollo/server/standalone');
  const { url } = await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), {
    listen: { host: '127.0.0.1', port: 0 },
  });
  console.log(url);
} else {
  const fastify = (await import('fastify')).default();
  fastify.register((await import('mercurius')).default, { schema: typeDefs, resolvers, jit: 1, path: '/' });
  console.log(`${await fastify.listen({ host: '127.0.0.1', port: 0 })}/`);
}
