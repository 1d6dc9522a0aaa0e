/**
 * What one permission costs: ns of CPU per question to a compiled policy, as each request of a user asks it.
 * Run: node bench/policy.ts
 */
import type { ConditionValues } from '@forebay/core/policy/condition-keys';
import { grantPolicy } from '@forebay/core/policy/grants';
import { Permissions } from '@forebay/core/policy/permissions';
import { parsePolicy } from '@forebay/core/policy/policy';

const rounds = 2_000_000;
const values: ConditionValues = { get: (key) => (key === 'aws:SourceIp' ? '10.1.2.3' : undefined) };
const allow = (Resource: string, Condition?: object) => ({
  Effect: 'Allow',
  Action: 's3:GetObject',
  Resource,
  ...(Condition && { Condition }),
});
const policyOf = (...statements: object[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

const cases: Record<string, string> = {
  'a prefix': grantPolicy('read:/lake/raw'),
  'a prefix after 20 others': policyOf(
    ...Array.from({ length: 20 }, (_, index) => allow(`arn:aws:s3:::lake/team-${index}/*`)),
    allow('arn:aws:s3:::lake/raw/*'),
  ),
  'wildcards in the middle': policyOf(allow('arn:aws:s3:::l?ke/*/year=*/*.parquet')),
  'allow, and a deny beside it': policyOf(allow('*'), {
    ...allow('arn:aws:s3:::lake/secret/*'),
    Effect: 'Deny',
  }),
  'a source address': policyOf(allow('*', { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '::1'] } })),
};

for (const [name, text] of Object.entries(cases)) {
  const permissions = new Permissions([parsePolicy(text, name)], 'ann');
  const keys = Array.from({ length: 64 }, (_, index) => `raw/year=2026/part-${index}.parquet`);
  let allowed = 0;
  const run = () => {
    for (let round = 0; round < rounds; round += 1) {
      // As the gateway asks it: the resource is put together for each request.
      const resource = `lake/${keys[round & 63]}`;
      if (permissions.allows('s3:GetObject', resource, values)) allowed += 1;
    }
  };
  run();
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  const ns = ((user + system) * 1000) / rounds;
  if (allowed !== rounds * 2) throw new Error(`${name}: not every request was allowed`);
  console.log(`${name.padEnd(28)} ${ns.toFixed(0).padStart(5)} ns`);
}
