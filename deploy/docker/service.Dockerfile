# The image of users, products, orders and the REST layer: the command says which. Also writes the edge's configuration.
#   docker build -f deploy/docker/service.Dockerfile -t supergraph/service .

FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:3.13.7-slim-trixie AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY pyproject.toml uv.lock ./
# Neither engines nor test tools: none of the default groups.
RUN uv sync --frozen --no-dev --no-default-groups --no-install-project --compile-bytecode

FROM python:3.13.7-slim-trixie
LABEL org.opencontainers.image.title="supergraph-service" \
      org.opencontainers.image.description="users, products, orders and the REST layer of the supergraph" \
      org.opencontainers.image.licenses="MIT"
# The folders that named volumes are mounted on are the user's: a new volume takes that over.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin supergraph \
    && install -d -m 0700 -o supergraph -g supergraph /var/lib/supergraph/keys \
    && install -d -m 0755 -o supergraph -g supergraph /etc/supergraph/edge /etc/supergraph/apollo
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
COPY schema /app/schema
COPY subgraphs /app/subgraphs
COPY clients /app/clients
COPY deploy/__init__.py /app/deploy/__init__.py
COPY deploy/docker /app/deploy/docker
COPY deploy/local /app/deploy/local
COPY router/envoy /app/router/envoy
COPY router/apollo /app/router/apollo
RUN python -m compileall -q subgraphs clients deploy schema
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
ENTRYPOINT ["python", "-m"]
