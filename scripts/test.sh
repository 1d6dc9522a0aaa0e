#!/bin/sh
# `npm test`: installs what is missing and runs every check and test. Arguments: files to limit the tests to.
# `npm run test:interop`: the same with --interop first, for the tests with S3 clients.
set -eu
cd "$(dirname "$0")/.."
main=scripts/test.ts
if [ "${1-}" = --interop ]; then
  main=scripts/interop.ts
  shift
fi
. scripts/install.sh
install_packages node_modules/.bin/vitest --include=dev
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
if ! env node -e 'process.exit(process.versions.node.split(".")[0] >= 24 ? 0 : 1)'; then
  echo "forebay: the tests need Node 24 or newer, this is $(env node --version)" >&2
  exit 1
fi
exec env node "$main" "$@"
