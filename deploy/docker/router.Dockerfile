# The image of the federation router, Hive Gateway's runtime.
#   docker build -f deploy/docker/router.Dockerfile -t supergraph/router .

FROM node:22.20.0-trixie-slim AS build
WORKDIR /app/router/hive
COPY router/hive/package.json router/hive/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev

FROM node:22.20.0-trixie-slim
LABEL org.opencontainers.image.title="supergraph-router" \
      org.opencontainers.image.description="Federation router of the supergraph: Hive Gateway" \
      org.opencontainers.image.licenses="MIT"
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin supergraph
WORKDIR /app
COPY --from=build /app/router/hive/node_modules /app/router/hive/node_modules
COPY router/hive /app/router/hive
COPY schema/supergraph.graphql /app/schema/supergraph.graphql
COPY schema/operations.json /app/schema/operations.json
ENV NODE_ENV=production
USER 10001:10001
CMD ["node", "router/hive/start.mjs"]
