import { describe, expect, test } from 'vitest';
import { type Child, ownName, start } from '../child.js';
import { program } from '../run.js';
import { calling, end, more, report, serving } from './programs.js';

const up = async (child: Child): Promise<Child> => {
  await child.says(/^started/m);
  return child;
};

describe('an instance killed under load', () => {
  test('its calls are told apart, and all others go on with the rest', async () => {
    const name = ownName('killed');
    const [first, ...others] = await Promise.all(
      [1, 2, 3].map(async () => up(await serving(`${name}@1.0.0`))),
    );
    const caller = await calling(`${name}@^1`);
    await more(caller, 400);
    if (first !== undefined) await end(first, 'SIGKILL');
    await more(caller, 1_000);
    const { by, failures } = await report(caller);
    expect(Object.keys(by)).toHaveLength(3);
    // Those that were on their way, and no other.
    expect(failures.length).toBeLessThanOrEqual(32);
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
    }
    for (const other of others) await end(other, 'SIGTERM');
  });

  test('calls that may run twice do not notice', async () => {
    const name = ownName('idempotent');
    const instances = [];
    for (let i = 0; i < 3; i++) instances.push(await up(await serving(`${name}@1.0.0`)));
    const caller = await calling(name, 'idempotent');
    for (const instance of instances.slice(0, 2)) {
      await more(caller, 400);
      await end(instance, 'SIGKILL');
    }
    await more(caller, 600);
    expect(await report(caller)).toMatchObject({ failures: [] });
  });
});

test('an instance that is told to stop under load fails no call', async () => {
  const name = ownName('stopped');
  const first = await up(await serving(`${name}@1.0.0`));
  await up(await serving(`${name}@1.0.0`));
  const caller = await calling(name);
  await more(caller, 400);
  first.kill('SIGTERM');
  expect(await first.ended).toMatchObject({ code: null, signal: 'SIGTERM', err: '' });
  await more(caller, 600);
  const { by, failures } = await report(caller);
  expect(failures).toEqual([]);
  expect(Object.keys(by)).toHaveLength(2);
});

test('the only instance may be replaced too: calls wait for the next', async () => {
  const name = ownName('only');
  const first = await up(await serving(`${name}@1.0.0`));
  const caller = await calling(name);
  await more(caller, 200);
  await end(first, 'SIGTERM');
  await up(await serving(`${name}@1.0.1`));
  await more(caller, 400);
  const { by, failures } = await report(caller);
  expect(failures).toEqual([]);
  expect(Object.keys(by)).toHaveLength(2);
});

test('a rolling upgrade fails no call', async () => {
  const name = ownName('rolling');
  let instances: Child[] = [];
  for (let i = 0; i < 3; i++) instances.push(await up(await serving(`${name}@1.0.0`)));
  const caller = await calling(`${name}@^1`);
  await more(caller, 400);
  const next: Child[] = [];
  for (const old of instances) {
    next.push(await up(await serving(`${name}@1.1.0`)));
    await end(old, 'SIGTERM');
    await more(caller, 200);
  }
  instances = next;
  await more(caller, 400);
  const { by, failures, ok } = await report(caller);
  expect(failures).toEqual([]);
  const versions = Object.keys(by).map((who) => who.split(' ')[0]);
  expect(versions.filter((version) => version === '1.0.0')).toHaveLength(3);
  expect(versions.filter((version) => version === '1.1.0')).toHaveLength(3);
  expect(ok).toBeGreaterThan(1_000);
});

test('a caller that was there first gets its answer as soon as the service is', async () => {
  const name = ownName('awaited');
  const path = await program(
    'waiting.mjs',
    `import dservice from 'dservice';
     console.log('waiting');
     const remote = await dservice().connect(process.argv[2]);
     console.log('pid ' + await remote.who());
     console.log('answered ' + (performance.timeOrigin + performance.now()));`,
  );
  const caller = start(process.execPath, [path, name]);
  await caller.says('waiting');
  const service = await serving(`${name}@1.0.0`);
  await up(service);
  expect(await caller.ended).toMatchObject({ code: 0, err: '' });
  const { out } = await caller.ended;
  const started = Number((await service.says(/started, .*/)).split(' ').at(-1));
  const answered = Number(/answered (.*)/.exec(out)?.[1]);
  console.log(`From start() to the first answer: ${Math.round(answered - started)} ms`);
});

describe('a chain of services', () => {
  const orders = [
    ['a', 'b', 'c'],
    ['a', 'c', 'b'],
    ['b', 'a', 'c'],
    ['b', 'c', 'a'],
    ['c', 'a', 'b'],
    ['c', 'b', 'a'],
  ];

  test.each(orders)('comes up, started %s, %s, %s', async (...order) => {
    const suffix = ownName('');
    const relies: Record<string, string[]> = { a: [`b${suffix}@^2`], b: [`c${suffix}`], c: [] };
    const children: Child[] = [];
    for (const each of order) {
      const child = await serving(`${each}${suffix}@2.0.0`, relies[each]);
      // The next one is started when this one is seen, waiting or not.
      await child.says(/^(waiting|up)$/m);
      children.push(child);
    }
    for (const child of children) await up(child);
    const path = await program(
      'chain.mjs',
      `import dservice from 'dservice';
       const remote = await dservice().connect(process.argv[2]);
       console.log((await remote.chain()).join(' '));`,
    );
    const caller = start(process.execPath, [path, `a${suffix}`]);
    expect(await caller.ended).toMatchObject({
      code: 0,
      out: ['a', 'b', 'c'].map((each) => `${each}${suffix}@2.0.0`).join(' ') + '\n',
      err: '',
    });
  });

  test('what never comes is named', async () => {
    const name = ownName('lonely');
    const path = await program(
      'lonely.mjs',
      `import dservice from 'dservice';
       await dservice(process.argv[2], {}, { startTimeout: 400 }).rely('nobody-has-this@^3').start();`,
    );
    const { code, err } = await start(process.execPath, [path, name]).ended;
    expect(code).toBe(1);
    expect(err).toContain('ERR_DEPENDENCY');
    expect(err).toContain('there is still no nobody-has-this@^3 (never seen)');
  });
});
