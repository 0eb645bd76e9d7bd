import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Child } from './fixtures/children.js';
import { cannotMakeNetworks, Lab } from './mdns/fixtures/lab.js';

const why = cannotMakeNetworks();

describe.skipIf(why !== undefined)(`two hosts${why === undefined ? '' : `: ${why}`}`, () => {
  let lab: Lab;
  let agent: string;
  const running: Child[] = [];

  beforeAll(() => {
    lab = new Lab();
    for (const [n, host] of ['a', 'b', 'c'].entries()) lab.host(host, n + 1);
    agent = lab.bundle(`${import.meta.dirname}/fixtures/lan-agent.ts`, 'lan-agent.cjs');
  });
  afterAll(() => lab.close());
  afterEach(async () => {
    for (const child of running.splice(0)) {
      child.process.kill('SIGKILL');
      await child.ended;
    }
  });

  function start(host: string, ...args: string[]): Child {
    const child = new Child(lab.start(host, [process.execPath, agent, ...args]));
    running.push(child);
    return child;
  }

  async function serving(host: string, name: string, reach: string) {
    const child = start(host, 'serve', name, reach);
    const [, id = '', ...endpoints] = (await child.line(/^up /)).split(' ');
    return { child, id, endpoints };
  }

  /** Who answers a call, or why it failed. */
  let count = 0;
  async function ask(caller: Child): Promise<string> {
    const tag = `call${count++}`;
    caller.process.stdin?.write(`${tag}\n`);
    return (await caller.line(new RegExp(`^${tag} `))).slice(tag.length + 1);
  }

  test('reach lan: found and called from another host, with a line that says so', async () => {
    const caller = start('b', 'call', 'greeter@^1', 'lan');
    await caller.line(/^ready/);
    const { child, id, endpoints } = await serving('a', 'greeter@1.0.0', 'lan');
    expect(endpoints).toContainEqual(expect.stringMatching(/^tcp:\/\/10\.77\.0\.1:\d+$/));
    expect(await child.line(/^log /)).toMatch(
      /greeter can be reached from the network at .*anybody there may call it/,
    );
    await caller.line(/^connected/);
    expect(await ask(caller)).toBe(id);
  });

  test('a host that vanishes: the caller goes on with another', async () => {
    const a = await serving('a', 'both@1.0.0', 'lan');
    const c = await serving('c', 'both@1.0.0', 'lan');
    const caller = start('b', 'call', 'both', 'lan');
    await caller.line(/^connected/);
    const seen = new Set<string>();
    while (seen.size < 2) seen.add(await ask(caller));
    expect(seen).toEqual(new Set([a.id, c.id]));
    lab.inside('a', 'ip', 'link', 'set', 'net0', 'down');
    try {
      // Nobody can know at once: what goes there waits for its deadline. How many that are is a matter of how fast
      // each of the two was before.
      const said = await Promise.all(Array.from({ length: 16 }, () => ask(caller)));
      const lost = said.filter((text) => text !== c.id);
      for (const text of lost) expect(text).toMatch(/^failed .*before its deadline/);
      for (let at = 0; at < 20; at++) expect(await ask(caller)).toBe(c.id);
    } finally {
      lab.inside('a', 'ip', 'link', 'set', 'net0', 'up');
    }
  });

  test('reach local: neither seen nor reached from another host', async () => {
    const { endpoints, child } = await serving('a', 'hidden@1.0.0', 'local');
    expect(endpoints).toEqual([expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/)]);
    const beside = start('a', 'call', 'hidden', 'local');
    await beside.line(/^connected/);
    const other = start('b', 'call', 'hidden', 'lan');
    expect(await other.line(/^(failed|connected)/)).toContain('none of that name was seen');
    expect(other.lines.some((line) => line.startsWith('up '))).toBe(false);
    const port = endpoints[0]?.split(':').at(-1) ?? '';
    const knock = `require('net').connect(${port}, '10.77.0.1').on('error', (e) => console.log(e.code))`;
    expect(lab.inside('b', process.execPath, '-e', knock)).toBe('ECONNREFUSED\n');
    expect(child.lines.some((line) => line.startsWith('log '))).toBe(false);
  });

  test('a caller of reach local does not leave the machine', async () => {
    await serving('a', 'afar@1.0.0', 'lan');
    const caller = start('b', 'call', 'afar', 'local');
    expect(await caller.line(/^(failed|connected)/)).toContain('none of that name was seen');
    const beside = start('a', 'call', 'afar', 'local');
    await beside.line(/^connected/);
  });
});
