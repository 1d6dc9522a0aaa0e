import { join } from 'node:path';
import { toolPath } from '../support/tools.ts';
import { awsClient } from './aws-cli.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'aws CLI v1',
  tools: ['python'],
  start: async (server, home) => {
    const bin = await toolPath('python');
    return awsClient({ python: join(bin, 'python'), program: join(bin, 'aws') }, server, home);
  },
  linksOnlyToRead: true,
});
