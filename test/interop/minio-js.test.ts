import { clientEnvironment, nodeProgram } from './environment.ts';
import { programClient } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite({
  name: 'minio-js',
  tools: ['nodeClients'],
  start: async (server, home) =>
    programClient(await nodeProgram('minio-js', clientEnvironment(server, home))),
  anyKey: true,
});
