/** `forebay stat s3://bucket/key`, and `forebay explain`: what is cached of one object, and why. */
import type { ObjectView } from '@forebay/registry/admin/objects';
import { type Command, Option } from 'commander';
import { usageError } from '../command-error.ts';
import { explainRows, objectRows, present } from '../object-text.ts';
import { table } from '../terminal.ts';
import { type AdminContext, adminCommand } from './admin-command.ts';

export function statCommand(): Command {
  return adminCommand({
    usage: 'stat <object>',
    summary: 'show what is cached of s3://bucket/key, without asking the UFS',
    examples: ['forebay stat s3://lake/raw/2024.parquet', 'forebay stat --json s3://lake/raw/2024.parquet'],
    run: async (context) => {
      const object = await ask(context, {});
      context.print(object, () => table(present(objectRows(object))));
    },
  }).addOption(versionOption());
}

export function explainCommand(): Command {
  return adminCommand({
    usage: 'explain <object>',
    summary: 'show why it is cached as it is, and what a read of s3://bucket/key would do now',
    examples: [
      'forebay explain s3://lake/raw/2024.parquet',
      'forebay explain s3://lake/raw/2024.parquet --range bytes=-65536',
      'forebay explain --json s3://lake/raw/2024.parquet',
    ],
    run: async (context) => {
      const { range, head } = context.options as { range?: string; head?: true };
      const object = await ask(context, {
        ...(range !== undefined && { range }),
        ...(head && { method: 'HEAD' }),
      });
      context.print(object, () => table(present([...objectRows(object), ...explainRows(object)])));
    },
  })
    .option('--range <range>', 'of the read, as in its Range header: bytes=0-99, bytes=100-, bytes=-100')
    .option('--head', 'the read is a HEAD')
    .addOption(versionOption());
}

const versionOption = () => new Option('--version-id <id>', 'a version by its id; otherwise the current one');

function ask(
  { client, arguments: [name = ''], options }: AdminContext,
  read: Record<string, string>,
): Promise<ObjectView> {
  const { versionId } = options as { versionId?: string };
  const asked = { ...parseObjectName(name), ...(versionId !== undefined && { versionId }), ...read };
  return client.ask<ObjectView>('GET', `/api/v1/objects?${new URLSearchParams(asked)}`);
}

/** The namespace as clients see it; the key is taken as it stands. */
export function parseObjectName(name: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/(.+)$/s.exec(name);
  if (!match) throw usageError(`an object is written s3://bucket/key, not "${name}"`);
  return { bucket: match[1]!, key: match[2]! };
}
