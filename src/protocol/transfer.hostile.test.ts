import { expect, test } from 'vitest';
import { messagePortChannel } from '../channel/message-port.js';
import { defaultLimits, type Limits } from '../limits.js';
import { Recorder, turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { syncScope } from './context.js';
import { Session } from './session.js';

interface Answer {
  readonly method?: unknown;
  readonly arguments?: readonly [error: { readonly code?: string } | null, value?: unknown];
}

/** A session over a port, and the other port, of who posts what it likes. */
async function victim(own: Partial<Limits> = {}, features: readonly string[] = ['clone', 'bin']) {
  const { port1, port2 } = new MessageChannel();
  const ends: unknown[] = [];
  const waiting: (() => void)[] = [];
  const session = new Session({
    ...{ channel: messagePortChannel(port2), clock: new VirtualClock(), scope: syncScope() },
    limits: { ...defaultLimits, ...own },
    api: {
      echo: (...args: unknown[]) => args.length,
      kind: (it: unknown) => typeof it,
      wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
    },
  });
  session.on('end', (error) => ends.push(error));
  session.start();
  const them = new Recorder(messagePortChannel(port1));
  const hello = { v: 1, features: ['reply', 'types', 'links', 'own', ...features], limits: {} };
  port1.postMessage(JSON.stringify({ method: 'methods', arguments: [{}], dservice: hello }));
  let last = 0;
  const answerTo = async (id: number): Promise<Answer['arguments']> => {
    const find = (): Answer | undefined =>
      them.lines.map((line) => JSON.parse(line) as Answer).find(({ method }) => method === id);
    await them.until(() => find() !== undefined);
    return find()?.arguments;
  };
  /** A call with tags, of which that came before it, and that after it. */
  const call = (
    message: object,
    before: readonly unknown[] = [],
    after: readonly unknown[] = [],
  ) => {
    const reply = ++last;
    for (const each of before) port1.postMessage(each);
    port1.postMessage(JSON.stringify({ method: 'echo', arguments: [null], ...message, reply }));
    for (const each of after) port1.postMessage(each);
    return answerTo(reply);
  };
  const end = (): void => {
    session.close();
    port1.close();
  };
  return { port: port1, call, ends, end, waiting };
}

const one = { types: { clone: [['0']] } };
const values = (...all: unknown[]): object => ({ dservice: all });

test('what does not fit is refused, and the session goes on', async () => {
  const { call, ends, end } = await victim({ entries: 10 });
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const deep = new Map([['deep', cyclic]]);
  const many = Array.from({ length: 20 }, () => new ArrayBuffer(1));
  const malformed: [object, readonly unknown[]][] = [
    // None came; too many; too few.
    [one, []],
    [one, [values(new ArrayBuffer(1), new ArrayBuffer(1))]],
    [{ types: { clone: [['0'], ['0']] } }, [values(new ArrayBuffer(1))]],
    // Of no kind that is moved: what holds others is counted in the line.
    ...[null, undefined, 1, 'text', true, {}, [], cyclic, deep, new Set(), new Error('x')].map(
      (value): [object, readonly unknown[]] => [one, [values(value)]],
    ),
    // No place for it.
    [{ ...one, arguments: ['text'] }, [values(new ArrayBuffer(1))]],
    [{ types: { clone: [['5']] } }, [values(new ArrayBuffer(1))]],
    [{ types: { clone: [['__proto__', 'x']] } }, [values(new ArrayBuffer(1))]],
    [{ types: { clone: [['0', 'byteLength']] } }, [values(new ArrayBuffer(1))]],
    [{ types: { clone: [['0'], ['0', 'x']] } }, [values(new Date(), new Date())]],
    [{ types: { clone: 'all' } }, [values(new ArrayBuffer(1))]],
    [{ types: { clone: [7] } }, [values(new ArrayBuffer(1))]],
    // The second replaces the first.
    [one, [values(new ArrayBuffer(1)), values()]],
  ];
  for (const [message, before] of malformed) {
    expect(await call(message, before), JSON.stringify(message)).toMatchObject([
      { code: 'ERR_MALFORMED' },
    ]);
  }
  const paths = many.map((_, i) => [String(i)]);
  const args = many.map(() => null);
  expect(await call({ arguments: args, types: { clone: paths } }, [values(...many)])).toMatchObject(
    [{ code: 'ERR_LIMIT' }],
  );
  expect(await call({ method: 'kind', ...one }, [values(new Date())])).toEqual([null, 'object']);
  expect(ends).toEqual([]);
  end();
});

test('with raw bytes besides, both are there or the call is refused', async () => {
  const { call, ends, end } = await victim();
  const both = {
    arguments: [null, null],
    types: { clone: [['0']], bytes: [['Uint8Array', ['1']]] },
  };
  const buffer = new ArrayBuffer(1);
  const bytes = new Uint8Array(600);
  expect(await call({ ...both, bin: [600] }, [values(buffer)], [bytes])).toEqual([null, 2]);
  expect(await call({ ...both, bin: [600] }, [], [bytes])).toMatchObject([
    { code: 'ERR_MALFORMED' },
  ]);
  // In the place of bytes, the next line.
  const cut = call({ ...both, bin: [600] }, [values(buffer)]);
  expect(await call({})).toEqual([null, 1]);
  expect(await cut).toMatchObject([{ code: 'ERR_MALFORMED' }]);
  const text = { arguments: [null, 'AAAA'], types: both.types };
  expect(await call(text, [values(buffer)])).toEqual([null, 2]);
  expect(ends).toEqual([]);
  end();
});

test('values for nobody, and of who did not say that it moves any, mean nothing', async () => {
  const { call, port, end, ends } = await victim({}, ['bin']);
  port.postMessage(values(new ArrayBuffer(1)));
  await turns(2);
  expect(await call({})).toEqual([null, 1]);
  expect(await call({ types: { date: [] } }, [values(1, 2)])).toEqual([null, 1]);
  // The tag is one that it does not know.
  expect(await call(one, [values(new ArrayBuffer(1))])).toEqual([null, 1]);
  expect(ends).toEqual([]);
  end();
});

test('buffers of calls that run count, once each: beyond `held`, further calls wait', async () => {
  const { call, ends, end, waiting } = await victim({ held: 5_000 });
  const wait = (...all: object[]): Promise<unknown> =>
    call(
      {
        method: 'wait',
        arguments: all.map(() => null),
        types: { clone: all.map((_, i) => [String(i)]) },
      },
      [values(...all)],
    );
  const buffer = new ArrayBuffer(3_000);
  const first = wait(new Uint8Array(buffer), new Uint16Array(buffer));
  await turns(5);
  expect(waiting.length).toBe(1);
  const second = wait(new ArrayBuffer(3_000));
  await turns(5);
  expect(waiting.length).toBe(2);
  const third = wait(new ArrayBuffer(1));
  await turns(5);
  expect(waiting.length).toBe(2);
  waiting[0]?.();
  expect(await first).toEqual([]);
  await turns(5);
  expect(waiting.length).toBe(3);
  for (const each of waiting) each();
  expect([await second, await third]).toEqual([[], []]);
  expect(ends).toEqual([]);
  end();
});
