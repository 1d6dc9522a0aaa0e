import { clientEnvironment, pythonProgram } from './environment.ts';
import { programClient } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'boto3',
  tools: ['python'],
  start: async (server, home) =>
    programClient(await pythonProgram('python', 'boto3_client', clientEnvironment(server, home))),
  anyKey: true,
});
