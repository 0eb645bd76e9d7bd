import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Children } from './fixtures/children.js';
import { freePort } from './mdns/fixtures/record.js';
import { meet } from './rendezvous/fixtures/meeting.js';

// Processes take their time to start on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let children: Children;
beforeAll(() => void (children = new Children('./meeting-only.ts')));
afterAll(() => children.close());

/** What a program tells of its start: ms since 1970, and how it ended. */
interface Told {
  readonly begun: number;
  readonly ended: number;
  readonly code: string;
  readonly message: string;
  /** Milliseconds for which the machine did not let it run, at most. */
  readonly held: number;
}

/** Starts programs, each with a service and what it relies on, and says what they told. `discovery` and `more`: code of each. */
async function start(
  discovery: string,
  services: readonly [name: string, relies: string][],
  more = '',
): Promise<Told[]> {
  const programs = services.map(([name, relies]) =>
    children.start(`
      const discovery = all.${discovery};
      const service = dservice('${name}', {}, { discovery, logger: { warn() {} } }).rely('${relies}');
      ${more}
      let held = 0;
      process.stdin.once('data', () => {
        const begun = Date.now();
        let before = begun;
        setInterval(() => {
          held = Math.max(held, Date.now() - before - 20);
          before = Date.now();
        }, 20).unref();
        service.start().catch(({ code, message }) =>
          console.log(JSON.stringify({ begun, ended: Date.now(), code, message, held })));
        process.stdin.destroy();
      });
      console.log('ready');
      service.on('state', async (state) => {
        if (state !== 'stopped') return;
        await discovery.close();
        console.log('stopped');
      });`),
  );
  await Promise.all(programs.map((program) => program.line(/^ready/)));
  for (const { process } of programs) process.stdin?.write('go\n');
  const lines = await Promise.all(programs.map((program) => program.line(/^\{/)));
  // They say goodbye, and end by themselves.
  await Promise.all(
    programs.map(async (program) => {
      expect(await program.ended).toEqual({ code: 0, signal: null });
      expect(program.lines.at(-1)).toBe('stopped');
    }),
  );
  return lines.map((line) => JSON.parse(line) as Told);
}

/** Each told the whole circle, beginning with itself, within 2 s of the last that began. */
function expectNamed(
  told: readonly Told[],
  services: readonly [name: string, relies: string][],
  size: number,
): void {
  const last = Math.max(...told.map(({ begun }) => begun));
  const lag = Math.max(...told.map(({ ended }) => ended)) - last;
  for (const [i, { code, message }] of told.entries()) {
    expect(code).toBe('ERR_DEPENDENCY_CYCLE');
    const [path = ''] = message.split(': ');
    const names = path.split(' → ');
    expect(names).toHaveLength(size + 1);
    expect(names[0]).toBe(services[i]?.[0]);
    expect(names.at(-1)).toBe(names[0]?.split('@')[0]);
    expect(new Set(names.slice(0, -1)).size).toBe(size);
  }
  // The last is heard, is looked at, and the others are heard: with what a busy machine adds to each.
  const held = Math.max(...told.map((it) => it.held));
  expect(lag - 3 * held).toBeLessThan(2_000);
}

async function multicast(): Promise<string> {
  return `mdns({ reach: 'local', port: ${await freePort()} })`;
}

test.each([2, 3, 10])(
  'a circle of %i processes: each names it, within 2 s of the last',
  async (size) => {
    const services = Array.from({ length: size }, (_, i): [string, string][] => {
      const it: [string, string] = [`s${i}@1.${i}.0`, `s${(i + 1) % size}@^1`];
      // Some have two instances.
      return i % 4 === 1 ? [it, it] : [it];
    }).flat();
    expectNamed(await start(await multicast(), services), services, size);
  },
);

test('a circle of two, each of which relies on more than an announcement holds', async () => {
  const services: [string, string][] = [
    ['a@1.0.0', 'b@^2'],
    ['b@2.1.0', 'a@^1'],
  ];
  const more = `
    for (let i = 0; i < 50; i++) service.rely('an-optional-service-' + i + '@^1', { optional: true });`;
  expectNamed(await start(await multicast(), services, more), services, 2);
});

test('a circle of processes that meet at a rendezvous, and nowhere else', async () => {
  const { url } = await meet();
  const services: [string, string][] = [
    ['a@1.0.0', 'b@^2'],
    ['b@2.1.0', 'c@*'],
    ['b@2.1.0', 'c@*'],
    ['c@1.0.0', 'a@^1'],
  ];
  expectNamed(await start(`meetAt('${url}')`, services), services, 3);
});
