#!/bin/sh
# Builds k6 once from the Go module proxy into the cache (ignored by git) and prints the path of the binary.
# k6 is neither on npm nor in Debian; building takes a few minutes, so it happens at low priority.
set -eu
version=v1.8.1
cache=${FOREBAY_TEST_CACHE:-$(cd "$(dirname "$0")/.." && pwd)/.cache}
directory=$cache/k6-$version
if [ ! -e "$directory/.complete" ]; then
  command -v go >/dev/null || { echo 'loadtest: k6 is built with go, which is not installed' >&2; exit 1; }
  echo "loadtest: building k6 $version into $directory" >&2
  mkdir -p "$directory"
  GOBIN=$directory CGO_ENABLED=0 nice -n 15 go install -trimpath "go.k6.io/k6@$version" >&2
  touch "$directory/.complete"
fi
echo "$directory/k6"
