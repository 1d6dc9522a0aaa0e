/** Headless Chromium as a test tool: the system's, or Debian's unpacked into the cache. */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { type Tool, unpackDebian } from './install.ts';

const systemPrograms = ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell', '/usr/bin/google-chrome'];
const program = 'usr/lib/chromium/chromium-headless-shell';

/** `path`: the program, or the root of what was unpacked. */
export async function installChromium(): Promise<Tool> {
  const path = systemPrograms.find((one) => existsSync(one));
  if (path) return { path };
  return unpackDebian({ name: 'chromium', wanted: ['chromium-headless-shell', 'fonts-dejavu-core'] });
}

/** @param path of the tool */
export function launchChromium(path: string): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-dev-shm-usage'];
  if (systemPrograms.includes(path)) return chromium.launch({ executablePath: path, args });
  const libraries = globSync(['usr/lib/*-linux-gnu', 'usr/lib/*-linux-gnu/pulseaudio'], { cwd: path });
  const env = { ...process.env, LD_LIBRARY_PATH: libraries.map((name) => join(path, name)).join(':') };
  return chromium.launch({ executablePath: join(path, program), args, env });
}
