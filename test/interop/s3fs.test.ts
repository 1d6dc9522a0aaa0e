import { expect, it } from 'vitest';
import { clientEnvironment, pythonProgram } from './environment.ts';
import { type Program, programClient, startProgram } from './program.ts';
import { interopSuite } from './suite.ts';

await interopSuite(
  {
    name: 's3fs',
    tools: ['pythonClients'],
    start: async (server, home) =>
      programClient(await pythonProgram('pythonClients', 's3fs_client', clientEnvironment(server, home))),
  },
  (open) => {
    it('carries partitioned Parquet and CSV of pandas', async (context) => {
      const { forebay, home, shows } = open();
      shows(context, 'more');
      const env = clientEnvironment(forebay, home);
      const program: Program = startProgram(await pythonProgram('pythonClients', 's3fs_client', env));
      const rows = Array.from({ length: 10_000 }, (_, n) => n);
      const sum = (of: readonly number[]) => String(of.reduce((total, n) => total + n, 0));
      const some = rows.filter((n) => n % 7 === 3);
      expect(await program.tell('frames', 'lake', 'frames')).toEqual([
        ...[String(rows.length), sum(rows), String(some.length), sum(some), 'True'],
      ]);
      await program.close();
    });
  },
);
