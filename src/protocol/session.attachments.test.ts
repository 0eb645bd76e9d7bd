import { expect, test } from 'vitest';
import { sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

const big = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7);

test.each(['bytes', 'messages'] as const)('bytes come back, over %s', async (framing) => {
  const { a } = await sessionPair({
    b: { api: { echo: (...args: unknown[]) => args } },
    memory: { framing, window: 1e7 },
  });
  const args = [big(5_000), new Uint8Array(0), { deep: [new Float64Array([1, 2, 3])] }, 'x'];
  expect(await a.call('echo', args)).toEqual(args);
  await turns(1);
});
