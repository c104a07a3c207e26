# syntax=docker/dockerfile:1
# The gateway in an image without a shell: one binary, certificates, an account without rights.

FROM node:22-bookworm-slim AS node

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# The build takes GraphiQL from npm where npm is on the PATH, and embeds it.
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
COPY . .
# What was compiled and fetched stays in the builder's caches, so a change rebuilds what it touches.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/root/.npm \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin idgate \
    && install -D -m 0755 target/release/idgate /image/usr/local/bin/idgate \
    && install -d -m 0700 /state/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /state /
ENV IDGATE_ENV=production \
    IDGATE_DATA_DIR=/data \
    IDGATE_SERVER__LISTEN=0.0.0.0:8080
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["/usr/local/bin/idgate", "health"]
ENTRYPOINT ["/usr/local/bin/idgate"]
