/** Directories that live as long as the process that asked for them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './at-end.ts';

/** A fresh directory, removed when this process ends. */
export function tempDir(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `forebay-test-${name}-`));
  atEnd(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}
