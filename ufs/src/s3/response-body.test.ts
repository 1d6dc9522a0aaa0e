import { expect, it } from 'vitest';
import { bytesOf, openStore, reply } from './testing/raw-server.ts';

it('reads no further ahead than a piece and the buffers of the sockets while nobody asks', async () => {
  const sizeBytes = 256 * 1024 * 1024;
  const block = 'x'.repeat(1024 * 1024);
  let writtenBytes = 0;
  const { ufs } = await openStore(({ write, socket, target }) => {
    if (target === '/lake/other') {
      write(reply(200, block));
      return;
    }
    write(`HTTP/1.1 200 OK\r\ncontent-length: ${sizeBytes}\r\n\r\n`);
    const fill = () => {
      do writtenBytes += block.length;
      while (socket.write(block) && writtenBytes < sizeBytes);
    };
    socket.on('drain', fill);
    fill();
  });
  const { body } = await ufs.get('slow');
  const iterator = body[Symbol.asyncIterator]();
  await iterator.next();
  // Were it read on, it would move about as much as the others do meanwhile.
  for (let round = 0; round < 100; round += 1) await bytesOf((await ufs.get('other')).body);
  expect(writtenBytes).toBeLessThan(20 * block.length);
  await iterator.return?.();
});
