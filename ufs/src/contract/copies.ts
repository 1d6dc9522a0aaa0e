/** Copies within one store: directives, conditions, and onto itself. */
import { headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import { itWhere, putObject, refusal, type Subject, textAt, type UfsCapabilities } from './support.ts';

export function describeCopies(subject: () => Subject, capabilities: UfsCapabilities): void {
  describeDirectives(subject);
  describeRefusals(subject, capabilities);
}

function describeDirectives(subject: () => Subject): void {
  it('copies bytes and metadata', async () => {
    const { ufs, scope } = subject();
    const kept = [
      ['content-type', 'text/x-source'],
      ['x-amz-meta-a', '1'],
    ] as const;
    await putObject(ufs, `${scope}source`, 'to copy', kept);
    const copied = await ufs.copy({ sourceKey: `${scope}source`, key: `${scope}a/target`, headers: [] });
    expect(await textAt(ufs, `${scope}a/target`)).toBe('to copy');
    const info = await ufs.head(`${scope}a/target`);
    expect(copied.etag).toBe(info.etag);
    expect(Math.floor(copied.lastModifiedMs / 1000) * 1000).toBe(info.lastModifiedMs);
    for (const [name, value] of kept) expect(headerValue(info.headers, name)).toBe(value);
  });

  it('takes all metadata from the request with REPLACE', async () => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}source`, 'x', [['x-amz-meta-a', '1']]);
    const headers = [
      ['x-amz-metadata-directive', 'REPLACE'],
      ['content-type', 'text/plain'],
      ['x-amz-meta-b', '2'],
    ] as const;
    await ufs.copy({ sourceKey: `${scope}source`, key: `${scope}target`, headers });
    const info = await ufs.head(`${scope}target`);
    expect(headerValue(info.headers, 'content-type')).toBe('text/plain');
    expect(headerValue(info.headers, 'x-amz-meta-a')).toBeUndefined();
    expect(headerValue(info.headers, 'x-amz-meta-b')).toBe('2');
  });
}

function describeRefusals(subject: () => Subject, { copyConditions }: UfsCapabilities): void {
  it('copies onto itself only where that changes something', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    await putObject(ufs, key, 'same');
    const plain = await refusal(ufs.copy({ sourceKey: key, key, headers: [] }));
    expect(plain).toMatchObject({ status: 400, code: 'InvalidRequest' });
    const headers = [
      ['x-amz-metadata-directive', 'REPLACE'],
      ['x-amz-meta-new', 'yes'],
    ] as const;
    await ufs.copy({ sourceKey: key, key, headers });
    expect(await textAt(ufs, key)).toBe('same');
    expect(headerValue((await ufs.head(key)).headers, 'x-amz-meta-new')).toBe('yes');
  });

  itWhere(copyConditions)(
    'answers 412 where a condition on the source fails, and leaves the target alone',
    async () => {
      const { ufs, scope } = subject();
      const etag = await putObject(ufs, `${scope}source`, 'new');
      await putObject(ufs, `${scope}target`, 'old');
      const copy = (name: string, value: string) => {
        const headers = [[`x-amz-copy-source-${name}`, value]] as const;
        return ufs.copy({ sourceKey: `${scope}source`, key: `${scope}target`, headers });
      };
      const other = '"00000000000000000000000000000000"';
      const unmet = { status: 412, code: 'PreconditionFailed' };
      expect(await refusal(copy('if-match', other))).toMatchObject(unmet);
      expect(await refusal(copy('if-none-match', etag))).toMatchObject(unmet);
      expect(await textAt(ufs, `${scope}target`)).toBe('old');
      await copy('if-match', etag);
      expect(await textAt(ufs, `${scope}target`)).toBe('new');
    },
  );

  it('answers NoSuchKey for a source that is not there', async () => {
    const { ufs, scope } = subject();
    const copy = ufs.copy({ sourceKey: `${scope}nothing`, key: `${scope}target`, headers: [] });
    expect(await refusal(copy)).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });
}
