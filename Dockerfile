# prombatch, to run as it is or as the base of an image with a job of your own:
#   docker build -t prombatch .
#   docker run --rm prombatch run --gateway http://gateway:9091
# A job of your own: FROM prombatch, COPY job.js ., CMD ["run", "./job.js"].
ARG NODE_IMAGE=docker.io/library/node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/page-script.mjs scripts/
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="prombatch" \
      org.opencontainers.image.description="A batch job that Prometheus hears about" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT"
# Node does not reap what a command leaves behind, so process 1 is an init.
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
# At the root, where a job in any folder finds prombatch and prom-client.
COPY --from=build /build/node_modules /node_modules
COPY --from=build /build/package.json /node_modules/prombatch/
COPY --from=build /build/dist /node_modules/prombatch/dist
# A volume that is mounted at /spool is the user's below, and so is what a further image puts into /work.
RUN ln -s /node_modules/prombatch/dist/prombatch.cjs /usr/local/bin/prombatch \
 && install -d -o 65532 -g 65532 /spool /work
# What is not delivered would be gone with the container. With a volume for it:
#   -e PROMBATCH_NO_SPOOL=false -e PROMBATCH_SPOOL=/spool -v spool:/spool
ENV NODE_ENV=production \
    PROMBATCH_NO_SPOOL=true
WORKDIR /work
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
ENTRYPOINT ["/usr/bin/tini", "--", "prombatch"]
CMD ["run"]
