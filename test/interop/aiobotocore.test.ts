import { clientEnvironment, pythonProgram } from './environment.ts';
import { programClient } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'aiobotocore',
  tools: ['pythonClients'],
  start: async (server, home) =>
    programClient(
      await pythonProgram('pythonClients', 'aiobotocore_client', clientEnvironment(server, home)),
    ),
  anyKey: true,
});
