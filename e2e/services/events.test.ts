import { expect, test } from 'vitest';
import { type Child, ownName, start } from '../child.js';
import { program } from '../run.js';

/** A shop that emits as often as it is told to, a number each, and says what became of it. */
async function shop(name: string): Promise<Child> {
  const path = await program(
    'shop.mjs',
    `import { createInterface } from 'node:readline';
     import dservice from 'dservice';
     const service = dservice(process.argv[2], {});
     await service.start();
     console.log('started');
     let n = 0;
     for await (const line of createInterface({ input: process.stdin })) {
       const [how, times] = line.split(' ');
       const told = [];
       for (let i = 0; i < Number(times); i++) told.push(service[how]('sold', n++));
       const all = (await Promise.all(told)).flat();
       const lost = all.filter(({ error }) => error !== undefined);
       console.log(how + ' told ' + all.length + ', lost ' + lost.length);
     }`,
  );
  return start(process.execPath, [path, name], { input: true });
}

/** Listens to a shop, as an instance of a service or as a caller without a name, and says each event it hears. */
async function listening(query: string, name = ''): Promise<Child> {
  const path = await program(
    'listening.mjs',
    `import dservice from 'dservice';
     const [query, name] = process.argv.slice(2);
     const service = name === '' ? dservice() : dservice(name, {});
     if (name !== '') await service.start();
     await service.on(query, 'sold', (n) => console.log('heard ' + n + ' ')).ready;
     console.log('listens');`,
  );
  return start(process.execPath, [path, query, name]);
}

/** The numbers that somebody heard, once it was told to end. */
async function heard(child: Child): Promise<number[]> {
  child.kill('SIGTERM');
  const { out } = await child.ended;
  return [...out.matchAll(/^heard (\d+)/gm)].map(([, n]) => Number(n));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

test('events reach one instance of a service and every caller; one that dies is told no more', async () => {
  const name = ownName('shop');
  const bills = ownName('bills');
  const service = await shop(`${name}@1.0.0`);
  await service.says('started');
  const [one, two, tool] = await Promise.all([
    listening(`${name}@^1`, `${bills}@1.0.0`),
    listening(`${name}@^1`, `${bills}@1.0.1`),
    listening(name),
  ]);
  for (const child of [one, two, tool]) await child.says('listens');
  service.tell('emit 100');
  await service.says('emit told 200, lost 0');
  service.tell('broadcast 10');
  await service.says('broadcast told 30, lost 0');
  one.kill('SIGKILL');
  const { out } = await one.ended;
  const first = [...out.matchAll(/^heard (\d+)/gm)].map(([, n]) => Number(n));
  // What goes to the one that died, before that is known, may have been heard: it is not told again.
  service.tell('emit 10');
  await service.says(/emit told 20, lost \d/);
  service.tell('emit 90');
  await service.says('emit told 180, lost 0');
  const second = await heard(two);
  expect(await heard(tool)).toEqual(upTo(210));
  expect(first.length).toBeGreaterThan(40);
  expect(second.filter((n) => n >= 120)).toEqual(upTo(210).slice(120));
  expect(second.filter((n) => n < 100).some((n) => first.includes(n))).toBe(false);
  expect([...first, ...second].filter((n) => n < 100).toSorted((a, b) => a - b)).toEqual(upTo(100));
});
