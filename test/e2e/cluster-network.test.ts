/** The network of a cluster on one machine: what is cut does not arrive, and does again when it is mended. */
import { afterAll, describe, expect, it } from 'vitest';
import { type NetworkKind, openNetwork } from '../support/cluster/network.ts';
import { run, startProcess } from '../support/process.ts';
import { until } from '../support/until.ts';

const kinds: NetworkKind[] = process.getuid?.() === 0 ? ['namespaces', 'proxies'] : ['proxies'];

describe.each(kinds)('a network of %s', (kind) => {
  const network = openNetwork(kind);
  const [one, two, three] = ['one', 'two', 'three'].map((name) => network.place(name));
  afterAll(() => network.close());

  async function serveAt(place: typeof one): Promise<number> {
    const port = await network.port(9100);
    const text = `require('http').createServer((q, s) => s.end('here')).listen(${port}, '${place!.host}')`;
    const [command, args] = network.at(place!, process.execPath, ['-e', text]);
    startProcess(command, args, { env: process.env });
    await until('it answers', () => canFetch(`http://${place!.host}:${port}`, network.place('probe')));
    return port;
  }

  async function canFetch(url: string, from: typeof one): Promise<boolean> {
    const text = `fetch('${url}', { signal: AbortSignal.timeout(700) }).then((r) => r.text()).then(
      (text) => process.exit(text === 'here' ? 0 : 1), () => process.exit(1))`;
    const [command, args] = network.at(from!, process.execPath, ['-e', text]);
    return (await run(command, args)).code === 0;
  }

  it('cuts two places off from each other, and from nobody else', async () => {
    const port = await serveAt(two);
    const ofOne = `http://${await network.way('one', two!, port)}`;
    const ofThree = `http://${await network.way('three', two!, port)}`;
    expect(await canFetch(ofOne, one)).toBe(true);
    const undo = network.cut('one', 'two');
    const undoTwice = network.cut('two', 'one');
    expect(await canFetch(ofOne, one)).toBe(false);
    expect(await canFetch(ofThree, three)).toBe(true);
    undo();
    expect(await canFetch(ofOne, one)).toBe(false);
    undoTwice();
    expect(await canFetch(ofOne, one)).toBe(true);
  });
});
