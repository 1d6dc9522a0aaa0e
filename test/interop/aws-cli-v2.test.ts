/** Debian's package, unpacked: it runs on the system's Python with its own libraries before it. */
import { join } from 'node:path';
import { toolPath } from '../support/tools.ts';
import { awsClient } from './aws-cli.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'aws CLI v2',
  tools: ['awscli2'],
  start: async (server, home) => {
    const root = await toolPath('awscli2');
    // Its modules come uncompiled: the first call compiles them, and all others are faster for it.
    const more = { PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'), PYTHONDONTWRITEBYTECODE: '' };
    return awsClient({ python: '/usr/bin/python3', program: join(root, 'usr/bin/aws'), more }, server, home);
  },
  linksOnlyToRead: true,
});
