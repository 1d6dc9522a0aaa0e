/**
 * Users and policies as an operator and clients meet them: made with the command line or the config file,
 * asked on every request, hits included, and gone the moment they are removed.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { NewUserView, UserView } from '@forebay/registry/admin/users';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAdmin } from '../support/admin.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { metricsText } from '../support/metrics.ts';
import { type RunResult, run } from '../support/process.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';

const program = resolve(import.meta.dirname, '../../cli/bin/forebay.js');
const home = tempDir('users');
const fileSecret = 'secret-of-the-config-file-0123456789';

/** What every snippet has: a client per user, and what an attempt came to. */
const helpers = `
def client(pair):
    return boto3.client('s3', aws_access_key_id=pair['accessKey'], aws_secret_access_key=pair['secretKey'],
                        config=Config(s3={'addressing_style': 'path'}, retries={'total_max_attempts': 1}))
def outcome(attempt):
    try: answer = attempt()
    except ClientError as error:
        return [error.response['ResponseMetadata']['HTTPStatusCode'], error.response['Error']['Code']]
    headers = answer['ResponseMetadata']['HTTPHeaders']
    if 'Body' in answer: return [200, headers['x-cache'], answer['Body'].read().decode()]
    if 'Contents' in answer: return [200, [entry['Key'] for entry in answer['Contents']]]
    return [200]
def get(user, key): return outcome(lambda: user.get_object(Bucket='lake', Key=key))
def ls(user, **query): return outcome(lambda: user.list_objects_v2(Bucket='lake', **query))
`;

describe('users', await needs('versitygw', 'python'), () => {
  let server: S3Server;
  let forebay: ForebayProcess;
  const secrets = [fileSecret];

  const cli = (...args: string[]): Promise<RunResult> =>
    run(process.execPath, [program, ...args, '--admin', forebay.admin], {
      cwd: home,
      env: {
        PATH: process.env.PATH,
        FOREBAY_ACCESS_KEY: forebay.accessKey,
        FOREBAY_SECRET_KEY: forebay.secretKey,
      },
    });
  const python = <Result>(snippet: string, args: unknown = {}) =>
    runPython<Result>(forebay, `${helpers}${outdented(snippet)}`, args);

  async function addUser(name: string, ...args: string[]): Promise<NewUserView> {
    const made = await cli('users', 'add', name, ...args, '--json');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const user = JSON.parse(made.stdout) as NewUserView;
    secrets.push(user.secretKey);
    return user;
  }

  function policyFile(name: string, ...statements: object[]): string {
    const path = join(home, `${name}.json`);
    writeFileSync(path, JSON.stringify({ Version: '2012-10-17', Statement: statements }));
    return path;
  }

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('store');
    const { mount, env } = s3Mount('/lake', server, 'store');
    const config = join(home, 'forebay.yaml');
    writeFileSync(
      config,
      `trustedProxy: [127.0.0.1]
users:
  - name: filed
    accessKey: FILEDKEY
    secretKey: env:FILED_SECRET
    policies:
      - Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: s3:GetObject
            Resource: arn:aws:s3:::lake/*
            Condition: { IpAddress: { aws:SourceIp: 203.0.113.0/24 } }
`,
    );
    forebay = await startForebay({
      mounts: [mount],
      env: { ...env, FILED_SECRET: fileSecret },
      flags: ['--config', config, '--log-level', 'debug'],
    });
    await python(`
      for key in ('raw/a', 'raw/b', 'secret/s', 'home/ann/x', 'home/bob/x'):
          s3.put_object(Bucket='lake', Key=key, Body=('bytes of ' + key).encode())
          for _ in range(2): s3.get_object(Bucket='lake', Key=key)['Body'].read()
    `);
  });
  afterAll(async () => {
    await forebay?.remove();
    await server?.stop();
  });

  it('read cached bytes that their policies allow, and never those that they do not', async () => {
    const reader = await addUser('reader', '--allow', 'read:/lake/raw');
    expect(
      await python(
        `
        reader = client(args)
        import urllib.request, urllib.error
        def link(key):
            try: return urllib.request.urlopen(
                reader.generate_presigned_url('get_object', Params={'Bucket': 'lake', 'Key': key})).status
            except urllib.error.HTTPError as error: return error.code
        result = {
            'root': get(s3, 'secret/s'), 'allowed': get(reader, 'raw/a'), 'cached': get(reader, 'secret/s'),
            'range': outcome(lambda: reader.get_object(Bucket='lake', Key='secret/s', Range='bytes=0-0')),
            'head': outcome(lambda: reader.head_object(Bucket='lake', Key='secret/s')),
            'links': [link('raw/a'), link('secret/s')],
            'write': outcome(lambda: reader.put_object(Bucket='lake', Key='raw/a', Body=b'x')),
            'lists': [ls(reader, Prefix='raw/'), ls(reader), ls(reader, Prefix='secret/')],
            'missing': get(reader, 'raw/none'), 'buckets': outcome(reader.list_buckets),
        }
        `,
        reader,
      ),
    ).toEqual({
      root: [200, 'HIT', 'bytes of secret/s'],
      allowed: [200, 'HIT', 'bytes of raw/a'],
      cached: [403, 'AccessDenied'],
      range: [403, 'AccessDenied'],
      head: [403, '403'],
      links: [200, 403],
      write: [403, 'AccessDenied'],
      lists: [
        [200, ['raw/a', 'raw/b']],
        [403, 'AccessDenied'],
        [403, 'AccessDenied'],
      ],
      missing: [404, 'NoSuchKey'],
      buckets: [403, 'AccessDenied'],
    });
  });

  it('are held by a deny, and by conditions on prefix and name', async () => {
    const arn = 'arn:aws:s3:::lake';
    const path = policyFile(
      'ann',
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: `${arn}/*` },
      { Effect: 'Deny', Action: 's3:*', Resource: [`${arn}/secret/*`, `${arn}/home/bob/*`] },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: arn,
        Condition: {
          StringLike: { 's3:prefix': ['', 'home/${aws:username}/*'] },
          StringEqualsIfExists: { 's3:delimiter': '/' },
        },
      },
    );
    const ann = await addUser('ann', '--policy', path);
    expect(
      await python(
        `
        ann = client(args)
        result = {
            'gets': [get(ann, key)[0] for key in ('raw/a', 'home/ann/x', 'home/bob/x', 'secret/s')],
            'lists': [ls(ann, **query)[0] for query in (
                {'Prefix': ''}, {'Prefix': 'home/ann/'}, {'Prefix': 'home/bob/'}, {},
                {'Prefix': '', 'Delimiter': '/'}, {'Prefix': '', 'Delimiter': 'a'})],
            'puts': [outcome(lambda: ann.put_object(Bucket='lake', Key=key, Body=b'new'))[0]
                     for key in ('home/ann/y', 'home/bob/y')],
            'copy': outcome(lambda: ann.copy_object(Bucket='lake', Key='home/ann/z',
                CopySource='lake/secret/s', TaggingDirective='REPLACE')),
        }
        `,
        ann,
      ),
    ).toEqual({
      gets: [200, 200, 403, 403],
      lists: [200, 200, 403, 403, 200, 403],
      puts: [200, 403],
      copy: [403, 'AccessDenied'],
    });
  });

  it('are judged by their address: of a trusted proxy, the one that it tells', async () => {
    const answers = await python(
      `
      filed = client(args)
      came = {}
      filed.meta.events.register('before-send.s3.GetObject',
          lambda request, **_: request.headers.update(came) if came else None)
      result = [get(filed, 'raw/a')[0]]
      for address in ('203.0.113.7', '198.51.100.7', '203.0.113.7, 198.51.100.7', '198.51.100.7, 203.0.113.7'):
          came['X-Forwarded-For'] = address
          result.append(get(filed, 'raw/a')[0])
      `,
      { accessKey: 'FILEDKEY', secretKey: fileSecret },
    );
    expect(answers).toEqual([403, 200, 403, 403, 200]);
  });

  it('are unknown from the next request on once they are removed, and known once they are added', async () => {
    const temp = await addUser('temp', '--allow', 'read:/lake', '--access-key', 'TEMPKEY');
    expect(temp.accessKey).toBe('TEMPKEY');
    const remove = ['users', 'rm', 'temp', '--admin', forebay.admin];
    const answers = await python(
      `
      import os, subprocess
      temp = client(args['user'])
      result = [get(temp, 'raw/a')]
      env = {**os.environ, 'FOREBAY_ACCESS_KEY': os.environ['AWS_ACCESS_KEY_ID'],
             'FOREBAY_SECRET_KEY': os.environ['AWS_SECRET_ACCESS_KEY']}
      result.append(subprocess.run(args['remove'], env=env, capture_output=True, text=True).stdout)
      result.append(get(temp, 'raw/a'))
      `,
      { user: temp, remove: [process.execPath, program, ...remove] },
    );
    expect(answers).toEqual([[200, 'HIT', 'bytes of raw/a'], 'removed temp\n', [403, 'InvalidAccessKeyId']]);
  });

  it('are there after a kill', async () => {
    const kept = await addUser('kept', '--allow', 'read:/lake/raw');
    await forebay.kill9();
    await forebay.restart();
    const answers = await python(
      'kept = client(args); result = [get(kept, "raw/a")[0], get(kept, "secret/s")[0]]',
      kept,
    );
    expect(answers).toEqual([200, 403]);
  });

  it('are listed for people and for programs', async () => {
    const shown = (await cli('users')).stdout;
    expect(shown).toMatch(/^NAME +ACCESS KEY +POLICIES +SINCE +FROM\n/);
    expect(shown).toMatch(
      /^ann +FB[0-9A-F]{18} +1 policy, 3 statements, 1 deny +\d{4}-\d\d-\d\d +forebay users$/m,
    );
    expect(shown).toMatch(/^filed +FILEDKEY +1 policy, 1 statement +\d{4}-\d\d-\d\d +config file$/m);
    const listed = JSON.parse((await cli('users', '--json')).stdout) as UserView[];
    expect(listed.map(({ name }) => name)).toEqual(['ann', 'filed', 'kept', 'reader']);
    expect((await cli('users', 'rm', 'filed')).stdout).toBe(
      'removed filed; the config file brings it back at the next start\n',
    );
  });

  it.each([
    [['add', 'reader'], 1, 'there is a user reader already; remove it first'],
    [['add', 'a b'], 1, 'user "a b": a name has 1 to 64'],
    [['add', 'x', '--allow', 'everything'], 2, '"everything" is no grant'],
    [['add', 'x', '--policy', 'none.json'], 1, '--policy: cannot read none.json'],
    [
      ['add', 'x', '--policy', 'bad.json'],
      2,
      'bad.json: Statement[0]: Action: unknown action "s3:GetObjet"; did',
    ],
    [['add', 'x', '--access-key', 'FOREBAYTESTACCESSKEY'], 1, "is the root user's"],
    [['rm', 'none'], 1, 'there is no user none'],
    [['ad', 'x'], 2, 'see forebay users --help'],
    [['add'], 2, "missing required argument 'name'; see forebay users add --help"],
  ])('say in one clear line what is wrong: %j', async (args, code, message) => {
    policyFile('bad', { Effect: 'Allow', Action: 's3:GetObjet', Resource: '*' });
    const result = await cli('users', ...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(/^forebay: [^\n]+\n$/);
    expect(result.stderr).toContain(message);
  });

  it('keep their secrets: in no file, log line, metric, process list or answer', async () => {
    const shown = await cli('users', 'add', 'shown', '--allow', 'read');
    const secret = /^Secret key +(\S{40})$/m.exec(shown.stdout)![1]!;
    expect(shown.stdout).toContain('it is not shown again');
    const places = new Map([
      ['log', forebay.log()],
      ['metrics', await metricsText(forebay)],
      ['users', JSON.stringify(await askAdmin(forebay, '/api/v1/users'))],
      ['status', JSON.stringify(await askAdmin(forebay, '/api/v1/status'))],
      ['process list', readFileSync(`/proc/${forebay.pid}/cmdline`, 'utf8')],
      ...filesBelow(forebay.dataDir).map((path) => [path, readFileSync(path, 'latin1')] as const),
    ]);
    expect(places.size).toBeGreaterThan(8);
    for (const [place, text] of places) {
      for (const one of [...secrets, secret]) {
        const base64 = Buffer.from(one).toString('base64').slice(0, 30);
        expect(text.includes(one) || text.includes(base64), place).toBe(false);
      }
    }
    expect((statSync(join(forebay.dataDir, 'seal.key')).mode & 0o777).toString(8)).toBe('600');
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Snippets stand indented in tests, and the helpers before them do not. */
function outdented(text: string): string {
  const lines = text.replace(/^\s*\n/, '').split('\n');
  const indent = /^ */.exec(lines[0] ?? '')![0];
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n');
}
