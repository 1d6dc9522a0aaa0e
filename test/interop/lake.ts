/** A real Forebay before a versitygw bucket (`lake`) and a directory (`any`), with a proxy that counts. */
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';

export interface Lake {
  readonly forebay: ForebayProcess;
  readonly proxy: CountingProxy;
  readonly server: S3Server;
  /** A directory for the client's files. */
  readonly home: string;
  close(): Promise<void>;
}

export async function openLake(name: string): Promise<Lake> {
  const server = await startVersitygw();
  await server.createBucket('lake');
  const proxy = await startCountingProxy({ target: server });
  const { mount, env } = s3Mount('/lake', proxy, 'lake');
  const mounts = [`${mount}&ttl=1h`, `/any=file://${tempDir('any')}?ttl=1h`];
  const forebay = await startForebay({ mounts, env });
  return {
    forebay,
    proxy,
    server,
    home: tempDir(`interop-${name.replaceAll(/\W+/g, '-')}`),
    close: async () => {
      await forebay.remove();
      await proxy.stop();
      await server.stop();
    },
  };
}
