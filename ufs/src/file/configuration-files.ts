/** Documents that configure the directory as a bucket, one small file each in the hidden area. */
import { randomUUID } from 'node:crypto';
import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigurationBackend } from '../local/backend.ts';
import { makeDirectories, replaceFile, syncDirectory } from './durable.ts';
import { absentAsUndefined, answering } from './fs-errors.ts';
import type { Layout } from './layout.ts';

export class ConfigurationFiles implements ConfigurationBackend {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  read(name: string): Promise<Uint8Array | undefined> {
    const { directory } = this.#layout;
    return answering(directory, () => absentAsUndefined(readFile(this.#pathOf(name))));
  }

  write(name: string, document: Uint8Array | undefined): Promise<void> {
    const { directory, hidden, tmp, configuration } = this.#layout;
    return answering(directory, async () => {
      if (!document) {
        const removed = await absentAsUndefined(unlink(this.#pathOf(name)).then(() => true));
        if (removed) await syncDirectory(configuration);
        return;
      }
      await makeDirectories(hidden, tmp);
      await makeDirectories(hidden, configuration);
      await replaceFile(this.#pathOf(name), join(tmp, randomUUID()), Buffer.from(document).toString());
    });
  }

  #pathOf(name: string): string {
    return join(this.#layout.configuration, `${name}.xml`);
  }
}
