#!/bin/sh
# Installs the packages where they are absent or older than the lock file; silent otherwise. Sourced from the
# repository's root by start.sh and test.sh. Arguments: files that must be there, further flags of `npm ci`.

# npm writes this file last, so an installation that was cut short starts anew.
installed=node_modules/.package-lock.json

install_packages() {
  needed=$1
  shift
  if [ -f "$installed" ] && [ -e "$needed" ] && [ -z "$(find package-lock.json -newer "$installed")" ]; then
    return 0
  fi
  echo 'Installing dependencies (once, about 30 s)...' >&2
  npm ci --no-audit --no-fund --loglevel=error "$@" >/dev/null || {
    echo 'forebay: the dependencies could not be installed, see above' >&2
    return 1
  }
  touch "$installed"
}
