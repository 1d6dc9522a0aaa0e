#!/bin/sh
# `npm start -- FLAGS`: installs what is missing and runs the embedded gateway with the flags.
set -eu
cd "$(dirname "$0")/.."
. scripts/install.sh
install_packages node_modules/commander
# The pinned Node, where the platform has it. Set after the installation, which runs under the system's Node.
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
# `env` looks node up itself; the shell would remember the one that it found before the installation.
exec env node cli/bin/forebay.js serve "$@"
