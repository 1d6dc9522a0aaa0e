#!/bin/sh
# Runs one scenario: sh loadtest/run.sh warm. What is loaded comes from the environment, see README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scenario=$here/scenarios/${1:-warm}.ts
[ -e "$scenario" ] || { echo "loadtest: there is no scenario $scenario" >&2; exit 2; }
k6=$(sh "$here/setup.sh")
shift $(($# > 0))
exec "$k6" run --no-usage-report --address '' "$@" "$scenario"
