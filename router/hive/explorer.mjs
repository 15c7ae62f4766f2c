// GraphiQL on GET /graphql for browsers. Page, scripts and styles are one inlined file, so that it works without any
// network but this one; its 9 MB are read when the first browser asks.

const WELCOME = `# Ctrl-Space completes, Ctrl-Enter runs.
# After the login mutation, put the token under
# Headers: { "authorization": "Bearer ..." }

query Products {
  products(first: 5) {
    edges {
      node {
        id
        name
        stock
        price {
          amount
          currency
        }
        category {
          name
        }
      }
    }
    totalCount
  }
}
`;

export const explorer = {
  graphiql: {
    title: 'Supergraph',
    defaultQuery: WELCOME,
    subscriptionsProtocol: 'SSE', // carries the Headers tab, which the explorer's WebSocket client does not
    headersEditorEnabled: true,
    shouldPersistHeaders: false, // a token is not left in the browser's storage
  },
  async renderGraphiQL(options) {
    const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
    return renderGraphiQL(options);
  },
};
