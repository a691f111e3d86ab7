# The image ships compiled JavaScript under Debian's Node 24: no compiler, no development dependency, no pinned Node of npm.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional

FROM node:24-slim
LABEL org.opencontainers.image.title="Arsia" \
      org.opencontainers.image.description="OIDC issuer and security token service for workloads" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production ARSIA_LISTEN=0.0.0.0:8080 ARSIA_DATA=/var/lib/arsia
WORKDIR /opt/arsia
COPY --from=dependencies /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY migrations migrations
# The sealing key of the embedded database is made in keys/ beside ARSIA_DATA: mount a volume there, or name one in
# ARSIA_SEALING_KEY_FILE. Both are for this user alone: Arsia refuses to start in a folder that others can write to.
RUN mkdir -p -m 700 /var/lib/keys "$ARSIA_DATA" && chown node:node /var/lib/keys "$ARSIA_DATA"
USER node
EXPOSE 8080
VOLUME ["/var/lib/arsia", "/var/lib/keys"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${(process.env.ARSIA_LISTEN ?? '').split(':').pop() || 8080}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# exec form and no npm between: SIGTERM reaches the server, which drains within 25 s.
ENTRYPOINT ["node", "bin/arsia.js"]
CMD ["serve"]
