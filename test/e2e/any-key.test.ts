/**
 * Any key S3 allows is an object of its own, through boto3: on a directory, and on a store that takes any
 * key. On a store that does not, Forebay refuses what the store refuses, in its words, and nothing else.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyKeys } from '../support/any-keys.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';

const inOrder = [...anyKeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** Common prefixes and keys by `/`, as S3 lists them. */
const atTop = [...new Set(inOrder.map((key) => key.slice(0, key.indexOf('/') + 1 || undefined)))];

const helpers = `
keys = args
def body(key): return ('of ' + key).encode()
def wrong(check): return [key for key in keys if not check(key)]
def absent(key):
    try: s3.head_object(Bucket='any', Key=key)
    except ClientError as error: return error.response['ResponseMetadata']['HTTPStatusCode'] == 404
def listed(**query):
    pages = s3.get_paginator('list_objects_v2').paginate(Bucket='any', **query)
    return [entry for page in pages for entry in
            sorted([entry['Key'] for entry in page.get('Contents', [])] +
                   [entry['Prefix'] for entry in page.get('CommonPrefixes', [])], key=str.encode)]
`;

const putAndRead = `
for key in keys: s3.put_object(Bucket='any', Key=key, Body=body(key))
def reads(key):
    answers = [s3.get_object(Bucket='any', Key=key) for _ in range(2)]
    caches = [answer['ResponseMetadata']['HTTPHeaders']['x-cache'] for answer in answers]
    return caches == ['MISS', 'HIT'] and all(answer['Body'].read() == body(key) for answer in answers)
def heads(key): return s3.head_object(Bucket='any', Key=key)['ContentLength'] == len(body(key))
result = [wrong(reads), wrong(heads)]
`;

const list = `
prefixed = wrong(lambda key: listed(Prefix=key, PaginationConfig={'PageSize': 3})
                 == sorted([other for other in keys if other.startswith(key)], key=str.encode))
result = [listed(), listed(PaginationConfig={'PageSize': 7}), prefixed, listed(Delimiter='/')]
`;

const copyAndDelete = `
target = 'the copy'
def copies(key):
    s3.copy_object(Bucket='any', Key=target, CopySource={'Bucket': 'any', 'Key': key})
    s3.delete_object(Bucket='any', Key=key)
    if not absent(key): return False
    s3.copy_object(Bucket='any', Key=key, CopySource={'Bucket': 'any', 'Key': target})
    return s3.get_object(Bucket='any', Key=key)['Body'].read() == body(key)
failed = wrong(copies)
# XML 1.0 has no way to name some control characters, nor these two code points.
nameable = [key for key in keys if not any(c in key for c in '\\x01\\uffff')]
answer = s3.delete_objects(Bucket='any', Delete={'Objects': [{'Key': key} for key in nameable]})
deleted = sorted([entry['Key'] for entry in answer['Deleted']]) == sorted(nameable)
for key in [target, *keys]:
    if key not in nameable: s3.delete_object(Bucket='any', Key=key)
result = [failed, deleted, wrong(absent), listed()]
`;

/** What every store that takes any key must show through Forebay. */
function holdsAnyKey(forebay: () => ForebayProcess): void {
  it('puts every key, and reads it from the store and then from the cache', async () => {
    expect(await runPython(forebay(), helpers + putAndRead, anyKeys)).toEqual([[], []]);
  });

  it('lists every key in UTF-8 order: whole, by pages, by prefix and by delimiter', async () => {
    expect(await runPython(forebay(), helpers + list, anyKeys)).toEqual([inOrder, inOrder, [], atTop]);
  });

  it('copies from and to every key, and deletes each', async () => {
    expect(await runPython(forebay(), helpers + copyAndDelete, anyKeys)).toEqual([[], true, [], []]);
  });
}

describe('any key on a directory', await needs('python'), () => {
  let forebay: ForebayProcess;
  beforeAll(async () => {
    const directory = mkdtempSync(join(tempDir('any-key'), 'store-'));
    forebay = await startForebay({ mounts: [`/any=file://${directory}`] });
  });
  afterAll(() => forebay?.remove());

  holdsAnyKey(() => forebay);
});

describe('any key on an S3 store that takes any', await needs('radosgw', 'python'), () => {
  let server: S3Server;
  let forebay: ForebayProcess;
  beforeAll(async () => {
    server = await startAnyKeyServer();
    await server.createBucket('store');
    const { mount, env } = s3Mount('/any', server, 'store');
    forebay = await startForebay({ mounts: [mount], env });
  });
  afterAll(async () => {
    await forebay?.remove();
    await server?.stop();
  });

  holdsAnyKey(() => forebay);
});

describe('a store that refuses some keys', await needs('versitygw', 'python'), () => {
  let server: S3Server;
  let forebay: ForebayProcess;
  beforeAll(async () => {
    server = await startVersitygw();
    for (const bucket of ['direct', 'through']) await server.createBucket(bucket);
    const { mount, env } = s3Mount('/through', server, 'through');
    forebay = await startForebay({ mounts: [mount], env });
  });
  afterAll(async () => {
    await forebay?.remove();
    await server?.stop();
  });

  it('is refused and obeyed through Forebay as when it is asked itself', async () => {
    const result = await runPython<Outcomes>(
      forebay,
      `
      config = Config(s3={'addressing_style': 'path'}, retries={'total_max_attempts': 1})
      direct = boto3.client('s3', config=config, endpoint_url=args['server']['endpoint'],
          aws_access_key_id=args['server']['accessKey'], aws_secret_access_key=args['server']['secretKey'])
      def outcome(call, **arguments):
          try: answer = call(**arguments)
          except ClientError as error:
              status = error.response['ResponseMetadata']['HTTPStatusCode']
              code = error.response['Error']['Code']
              # Some refusals of the store have no document, and so no code: Forebay gives them S3's.
              worded = code == '400' and call.__name__ != 'head_object'
              return [status, 'BadRequest' if worded else code]
          return [answer['ResponseMetadata']['HTTPStatusCode'],
                  answer['Body'].read().decode() if 'Body' in answer else None]
      def outcomes(client, bucket, key):
          named = {'Bucket': bucket, 'Key': key}
          return {
              'put': outcome(client.put_object, **named, Body=b'content'),
              'head': outcome(client.head_object, **named),
              'get': outcome(client.get_object, **named),
              'copy from': outcome(client.copy_object, Bucket=bucket, Key='copied', CopySource=named),
              'delete': outcome(client.delete_object, **named),
              'head then': outcome(client.head_object, **named),
              'get then': outcome(client.get_object, **named),
              'copy to': outcome(client.copy_object, **named, CopySource={'Bucket': bucket, 'Key': 'plain'}),
              'delete again': outcome(client.delete_object, **named),
          }
      clients = {'direct': direct, 'through': s3}
      for bucket, client in clients.items(): client.put_object(Bucket=bucket, Key='plain', Body=b'plain')
      result = {bucket: [[key, outcomes(client, bucket, key)] for key in args['keys'] if key != 'plain']
                for bucket, client in clients.items()}
      for bucket, client in clients.items():
          client.put_object(Bucket=bucket, Key='file', Body=b'')
          result[bucket].append(['file/below', outcomes(client, bucket, 'file/below')])
      `,
      { server, keys: anyKeys },
    );
    expect(result.through).toEqual(result.direct);
    const statuses = new Set(result.direct.map(([, { put }]) => put![0]));
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400]));
  });
});

type Outcome = readonly [status: number, codeOrBody: string | null];

interface Outcomes {
  readonly direct: readonly (readonly [key: string, outcomes: Readonly<Record<string, Outcome>>])[];
  readonly through: Outcomes['direct'];
}
