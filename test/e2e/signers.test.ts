/** What botocore signs, for any key, query and header, in its header, its links and its version 2 links. */
import { uriEncodePath } from '@forebay/core/sigv4';
import { accessKey, authDeps, requestOf, secretKey } from '@forebay/gateway/s3/auth/auth-fixture';
import { authenticate } from '@forebay/gateway/s3/auth/authenticate';
import { S3Error } from '@forebay/gateway/s3/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runPython } from '../support/python.ts';
import { needs } from '../support/tools.ts';

interface Made {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const host = 's3.example.com';
const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const plain = fc.string({ unit: fc.constantFrom(...'abcXYZ019 -_./;="~àé'), minLength: 1, maxLength: 12 });
const parameter = word.filter(
  (name) => !/^(x-amz-|signature$|awsaccesskeyid$|expires$|content-)/i.test(name),
);
const request = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE'),
  key: word,
  query: fc.array(fc.tuple(parameter, word), { maxLength: 3 }),
  headers: fc.dictionary(fc.constantFrom('x-amz-meta-a', 'x-amz-acl', 'content-type', 'range'), plain, {
    noNullPrototype: true,
  }),
});

describe('what botocore signs', await needs('python'), () => {
  it.each(['S3SigV4Auth', 'S3SigV4QueryAuth', 'HmacV1QueryAuth'])('with %s is accepted', async (kind) => {
    const given = fc.sample(request, { numRuns: 300, seed: 20_260_102 }).map((one) => ({
      ...one,
      path: uriEncodePath(`/lake/${one.key}`),
    }));
    const made = await runPython<{ nowMs: number; made: Made[] }>(
      { endpoint: `http://${host}`, accessKey, secretKey },
      `
      import time, botocore.auth
      from urllib.parse import quote
      from botocore.awsrequest import AWSRequest
      from botocore.credentials import Credentials
      keys = Credentials(args['accessKey'], args['secretKey'])
      made = []
      for one in args['given']:
          query = '&'.join(quote(name, safe='-_.~') + '=' + quote(value, safe='-_.~')
                           for name, value in one['query'])
          url = 'http://' + args['host'] + one['path'] + ('?' + query if query else '')
          request = AWSRequest(method=one['method'], url=url, headers=dict(one['headers']))
          kind = getattr(botocore.auth, args['kind'])
          signer = kind(keys) if 'V1' in args['kind'] else kind(keys, 's3', 'eu-west-1')
          signer.add_auth(request)
          made.append({'method': one['method'], 'url': request.url,
                       'headers': {} if 'V1' in args['kind'] else dict(request.headers.items())})
      result = {'nowMs': time.time() * 1000, 'made': made}
      `,
      { given, kind, host, accessKey, secretKey },
    );
    const deps = authDeps({ nowMs: made.nowMs });
    const refused = made.made.flatMap(({ method, url, headers }, index): unknown[] => {
      const target = url.slice(`http://${host}`.length);
      try {
        const sent = Object.entries(headers).map(([name, value]) => [
          name,
          Buffer.from(value).toString('latin1'),
        ]);
        const incoming = requestOf({ method, target, host, headers: Object.fromEntries(sent) });
        const { principal } = authenticate(incoming, deps);
        const isRight = principal.kind === 'user' && incoming.target.key === given[index]!.key;
        return isRight ? [] : [{ given: given[index], principal, key: incoming.target.key }];
      } catch (error) {
        if (error instanceof S3Error)
          return [{ given: given[index], code: error.code, fields: error.fields }];
        throw error;
      }
    });
    expect(refused).toEqual([]);
  });
});
