import { toolPath } from '../support/tools.ts';
import { clientEnvironment } from './environment.ts';
import { programClient } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'AWS SDK for Go v2',
  tools: ['goClient'],
  start: async (server, home) =>
    programClient({ command: await toolPath('goClient'), args: [], env: clientEnvironment(server, home) }),
  anyKey: true,
});
