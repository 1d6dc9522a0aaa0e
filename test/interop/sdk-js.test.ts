import { clientEnvironment, nodeProgram } from './environment.ts';
import { programClient } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'AWS SDK for JavaScript',
  tools: ['nodeClients'],
  start: async (server, home) => programClient(await nodeProgram('sdk-js', clientEnvironment(server, home))),
  anyKey: true,
});
