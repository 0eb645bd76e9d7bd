import { expect, test } from 'vitest';
import { dial, jsonRpc } from './index.js';

const engines = [jsonRpc];

test('a page brings the engine along, or has none', async () => {
  await expect(dial(location.origin)).rejects.toMatchObject({ code: 'ERR_ENDPOINT' });
  const remote = await dial(`${location.origin}/nothing-here`, { engines });
  // The server of the tests answers with a page, or with a status: it speaks no JSON-RPC.
  await expect(remote.shout('hi')).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_(METHOD|MALFORMED)$/) as unknown,
    method: 'shout',
  });
});

test('it does not know whether a call arrived where nobody answered', async () => {
  const remote = await dial('http://127.0.0.1:1/', { engines });
  await expect(remote.shout('hi')).rejects.toMatchObject({
    ...{ code: 'ERR_CONNECTION_LOST', mayHaveRun: true },
  });
  remote[Symbol.dispose]();
  await expect(remote.shout('hi')).rejects.toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: false });
});
