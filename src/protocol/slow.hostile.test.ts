import { describe, expect, test } from 'vitest';
import { memoryPair } from '../channel/memory.js';
import { methodsOf, ourHello, peer, Peer } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

/** Peers that take all the time in the world. Each ends with a reason, and keeps little until then. */

const api = { echo: (value: unknown) => value, text: (n: number) => 'x'.repeat(n) };
const bytes = { framing: 'bytes' as const };

describe('a message that does not go on', () => {
  test('half a line, for ever', async () => {
    const them = await peer({ api, memory: bytes });
    them.recorder.channel.write('{"method":"echo","arguments":["');
    await them.clock.advance(29_000);
    expect(them.closed).toBeUndefined();
    await them.clock.advance(2_000);
    expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(them.ends[0]?.message).toContain('bytes of a message');
    expect(them.clock.pending).toBe(0);
  });

  test('a byte a second, of a plain peer too, which is never asked for a sign of life', async () => {
    const them = await peer({ api, memory: bytes, hello: null });
    them.recorder.channel.write('{"method":"echo","arguments":["');
    for (let second = 0; second < 60 && !them.session.ended; second++) {
      await them.clock.advance(1_000);
      them.recorder.channel.write('x');
      await turns(1);
    }
    expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(them.clock.now()).toBeLessThan(62_000);
  });

  test('attachments that never come', async () => {
    const them = await peer({ api, memory: bytes });
    const line =
      '{"method":"echo","arguments":[null],"types":{"bytes":[["Uint8Array",["0"]]]},"bin":[16000000],"reply":1}';
    them.recorder.channel.write(`${line}\n`);
    await them.clock.advance(31_000);
    expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('slow, but not that slow: a kilobyte every ten seconds', async () => {
    const them = await peer({ api, memory: bytes });
    them.recorder.channel.write('{"method":"echo","reply":1,"arguments":["');
    for (let n = 0; n < 30; n++) {
      them.recorder.channel.write('x'.repeat(1_000));
      await them.clock.advance(10_000);
    }
    them.recorder.channel.write('"]}\n');
    await turns(2);
    expect(them.outcome(1)?.arguments?.[1]).toHaveLength(30_000);
    expect(them.ends).toEqual([]);
  });

  test('many short ones, each cut, are no slow one', async () => {
    const them = await peer({ api, memory: bytes });
    for (let n = 0; n < 120; n++) {
      them.recorder.channel.write(' \n{"control":"ping"');
      await them.clock.advance(1_000);
      them.recorder.channel.write('}');
      await turns(1);
    }
    expect(them.ends).toEqual([]);
  });

  test('after the last there is no timer left', async () => {
    const them = await peer({ api, memory: bytes, hello: null });
    them.recorder.channel.write('{"method":"echo",');
    await turns(1);
    expect(them.clock.pending).toBe(1);
    them.recorder.channel.write('"arguments":[]}\n');
    await them.clock.advance(30_000);
    expect(them.clock.pending).toBe(0);
    expect(them.ends).toEqual([]);
  });

  test('where we would not read, the peer is not to blame', async () => {
    const wait = { wait: () => new Promise(() => {}) };
    const limits = { calls: 1, unsentMax: 2_000 };
    const them = await peer({ api: wait, hello: null, limits, memory: bytes });
    const calls = '{"method":"wait","arguments":[]}\n'.repeat(7);
    them.recorder.channel.write(`${calls}{"method":"wait",`);
    await them.clock.advance(31_000);
    expect(them.ends).toEqual([]);
    await them.clock.advance(31_000);
    expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
  });
});

describe('a peer that takes nothing', () => {
  const limits = { unsent: 10_000 };

  test('ends, though it shows signs of life', async () => {
    const them = await peer({ api, limits, memory: { ...bytes, window: 1_000 } });
    them.recorder.channel.pause();
    for (let reply = 1; reply < 5; reply++)
      await them.send({ method: 'text', arguments: [50_000], reply });
    for (let second = 0; second < 60 && !them.session.ended; second++) {
      await them.send({ control: 'ping' });
      await them.clock.advance(1_000);
    }
    expect(them.ends).toMatchObject([{ code: 'ERR_TIMEOUT' }]);
    expect(them.ends[0]?.message).toContain('the peer took nothing of');
    expect(them.clock.now()).toBeLessThan(62_000);
  });

  test('has more time where there is more to take', async () => {
    const them = await peer({ api, limits, memory: { ...bytes, window: 1_000 } });
    them.recorder.channel.pause();
    await them.send({ method: 'text', arguments: [3_000_000], reply: 1 });
    const live = async (seconds: number): Promise<void> => {
      for (let n = 0; n < seconds; n++) {
        await them.send({ control: 'ping' });
        await them.clock.advance(1_000);
      }
    };
    await live(180);
    expect(them.ends).toEqual([]);
    them.recorder.channel.resume();
    await turns(20);
    them.recorder.channel.pause();
    await live(180);
    expect(them.ends).toEqual([]);
    expect(them.outcome(1)?.arguments?.[1]).toHaveLength(3_000_000);
  });
});

describe('a handshake that stalls', () => {
  test('an `authenticate` that never answers', async () => {
    const them = await peer({ api, authenticate: () => new Promise(() => {}) });
    await them.clock.advance(9_999);
    expect(them.ends).toEqual([]);
    await them.clock.advance(1);
    expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(them.closed?.message).toContain('who is there');
    expect(them.clock.pending).toBe(0);
  });

  test('what answers after that lets nobody in', async () => {
    let answer: (identity: unknown) => void = () => {};
    const authenticate = () => new Promise((resolve) => (answer = resolve));
    const them = await peer({ api, authenticate, limits: { handshake: 100 } });
    await them.clock.advance(100);
    answer({ name: 'ali' });
    await turns(3);
    expect(them.got.filter(({ method }) => method === 'methods')).toHaveLength(1);
    expect(them.session.tables).toMatchObject({ local: 0, serving: 0 });
  });

  test('what is sent while it is decided is bounded in characters, not only in messages', async () => {
    const [ours, theirs] = memoryPair();
    // One that cannot be told to wait.
    const channel = Object.assign(ours, { pause() {} });
    const them = new Peer({ api, channel, authenticate: () => new Promise(() => {}) });
    theirs.open({ receive() {}, drain() {}, close() {} });
    const call = { method: 'echo', arguments: ['x'.repeat(100_000)] };
    for (const message of [methodsOf(ourHello), ...Array.from({ length: 20 }, () => call)]) {
      theirs.write(`${JSON.stringify(message)}\n`);
    }
    await turns(2);
    expect(them.ends).toMatchObject([{ code: 'ERR_LIMIT' }]);
  });

  test('blanks that are no `methods`, a few at a time', async () => {
    const them = new Peer({ api, memory: bytes });
    for (let n = 0; n < 12 && !them.session.ended; n++) {
      them.recorder.channel.write(n % 2 === 0 ? ' ' : '\n');
      await them.clock.advance(1_000);
    }
    expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(them.clock.now()).toBeLessThan(11_001);
  });
});
