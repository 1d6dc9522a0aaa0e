import { toolPath } from '../support/tools.ts';
import { clientEnvironment } from './environment.ts';
import { programClient } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'AWS SDK for Java v2',
  tools: ['javaClient'],
  start: async (server, home) => {
    const args = ['-Xmx512m', '-cp', await toolPath('javaClient'), 'Client'];
    return programClient({ command: 'java', args, env: clientEnvironment(server, home) });
  },
  anyKey: true,
});
