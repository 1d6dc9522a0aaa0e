/** Buckets. */
import { forebay, type Section, ufs } from '../check.ts';

export const buckets: Section = {
  title: 'Buckets',
  checks: [
    forebay('115', 'buckets are listed with name and time, and an owner', async (t) => {
      const body = [
        /<ListAllMyBucketsResult/,
        /<Owner>.*<ID>[^<]+</,
        new RegExp(`<Name>${t.bucket}</Name>`),
        /<CreationDate>\d{4}-\d\d-\d\dT[\d:.]+Z</,
      ];
      t.is(await t.at('GET', '/'), { is: 200, body });
    }),
    forebay('115.2', 'a list of buckets can be narrowed by prefix and cut into pages', async (t) => {
      const prefix = t.bucket.slice(0, 5);
      const some = t.is(await t.at('GET', '/', { query: `prefix=${prefix}` }), {
        is: 200,
        body: [new RegExp(`<Prefix>${prefix}<`), /<BucketRegion>/],
      });
      const names = [...some.body.toString().matchAll(/<Name>([^<]*)</g)].map(([, name]) => name!);
      t.same(
        'only the prefix',
        [names.length > 0, names.every((name) => name.startsWith(prefix))],
        [true, true],
      );
      const seen: string[] = [];
      let query = 'max-buckets=1';
      for (;;) {
        const xml = t.is(await t.at('GET', '/', { query }), 200).body.toString();
        const page = [...xml.matchAll(/<Name>([^<]*)</g)].map(([, name]) => name!);
        t.same('one bucket to a page', page.length, 1);
        seen.push(...page);
        const token = /<ContinuationToken>([^<]+)</.exec(xml)?.[1];
        if (seen.length > 300 || token === undefined) break;
        query = `max-buckets=1&continuation-token=${encodeURIComponent(token)}`;
      }
      t.same('every page', [seen.includes(t.bucket), new Set(seen).size], [true, seen.length]);
    }),
    forebay('115.3', 'a page size outside 1 to 10000 is 400 InvalidArgument', async (t) => {
      for (const bad of ['0', '10001', 'x'])
        t.is(await t.at('GET', '/', { query: `max-buckets=${bad}` }), '400 InvalidArgument');
    }),
    forebay('115.4', 'the root takes no other method, and no caller without a name', async (t) => {
      t.is(await t.at('POST', '/'), '405 MethodNotAllowed');
      t.is(await t.at('HEAD', '/'), { is: 405, body: '' });
      t.is(await t.unsigned('GET', '/'), 403);
    }),
    forebay('116', 'HEAD of a bucket tells its region; of none it is 404', async (t) => {
      const headers = { 'x-amz-bucket-region': /^[a-z]{2}-[a-z]+-\d$/, 'x-amz-access-point-alias': 'false' };
      t.is(await t.ofBucket('HEAD'), { is: 200, headers, body: '' });
      t.is(await t.at('HEAD', '/no-such-bucket-anywhere'), { is: 404, body: '' });
    }),
    ufs('117', 'the location of a bucket in us-east-1 is empty', async (t) => {
      const body = /<LocationConstraint xmlns="[^"]+"( ?\/>|><\/LocationConstraint>)/;
      t.is(await t.ofBucket('GET', { query: 'location' }), { is: 200, body });
    }),
    ufs('118', 'a bucket is made, is there, and is removed only when it is empty', async (t) => {
      const path = `/${t.world.freshBucket}`;
      t.is(await t.at('PUT', path), { is: 200, headers: { location: path } });
      t.is(await t.at('HEAD', path), 200);
      t.is(await t.at('PUT', `${path}/k`, { body: 'x' }), 200);
      t.is(await t.at('DELETE', path), '409 BucketNotEmpty');
      t.is(await t.at('DELETE', `${path}/k`), 204);
      t.is(await t.at('DELETE', path), 204);
      t.is(await t.at('DELETE', path), '404 NoSuchBucket');
    }),
    ufs('118.2', 'a bucket made twice by its owner is told so, or 200', async (t) => {
      const path = `/${t.world.freshBucket}`;
      t.is(await t.at('PUT', path), 200);
      const again = await t.at('PUT', path);
      t.same('owned', again.status === 200 || again.code === 'BucketAlreadyOwnedByYou', true);
      t.is(await t.at('DELETE', path), 204);
    }),
    ufs('118.3', 'a region that is none is 400', async (t) => {
      const body =
        '<CreateBucketConfiguration><LocationConstraint>no-where-1</LocationConstraint></CreateBucketConfiguration>';
      t.is(await t.at('PUT', `/${t.world.freshBucket}`, { body }), 400);
    }),
    ufs('119', 'nothing of a removed bucket is served again, also when it is made anew', async (t) => {
      const path = `/${t.world.freshBucket}`;
      t.is(await t.at('PUT', path), 200);
      t.is(await t.at('PUT', `${path}/k`, { body: 'x' }), 200);
      t.is(await t.at('GET', `${path}/k`), 200);
      t.is(await t.at('DELETE', `${path}/k`), 204);
      t.is(await t.at('DELETE', path), 204);
      t.is(await t.at('GET', `${path}/k`), '404 NoSuchBucket');
      t.is(await t.at('GET', path), '404 NoSuchBucket');
      t.is(await t.at('PUT', path), 200);
      t.is(await t.at('GET', `${path}/k`), '404 NoSuchKey');
      t.is(await t.at('DELETE', path), 204);
    }),
  ],
};
