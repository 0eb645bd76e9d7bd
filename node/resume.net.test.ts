import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Child } from './fixtures/children.js';
import { cannotMakeNetworks, Lab } from './mdns/fixtures/lab.js';

const why = cannotMakeNetworks();

describe.skipIf(why !== undefined)(`a cable${why === undefined ? '' : `: ${why}`}`, () => {
  let lab: Lab;
  let agent: string;
  const running: Child[] = [];

  beforeAll(() => {
    lab = new Lab();
    for (const [n, host] of ['a', 'b'].entries()) lab.host(host, n + 1);
    agent = lab.bundle(`${import.meta.dirname}/fixtures/resume-agent.ts`, 'resume-agent.cjs');
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

  /** Resolves with the next line that is so, from now on. */
  async function next(child: Child, pattern: RegExp): Promise<string> {
    const { length } = child.lines;
    for (;;) {
      const found = child.lines.slice(length).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      await new Promise((resolve) => child.process.stdout?.once('data', resolve));
    }
  }

  test.each(['a', 'b'])(
    'pulled at host %s and put back: calls, callbacks and subscriptions go on, each once',
    async (host) => {
      const server = start('a', 'serve');
      const endpoint = (await server.line(/^up /)).slice(3);
      const caller = start('b', 'call', endpoint);
      await caller.line(/^asked/);
      await caller.line(/^tick 10$/);
      lab.inside(host, 'ip', 'link', 'set', 'net0', 'down');
      try {
        caller.process.stdin?.write('answer\n');
        // Long enough, with calls out, for the caller to take the connection for lost.
        expect(await caller.line(/^away/)).toContain('shows no life');
      } finally {
        lab.inside(host, 'ip', 'link', 'set', 'net0', 'up');
        lab.inside(host, 'ip', 'route', 'replace', 'default', 'dev', 'net0');
      }
      expect(await caller.line(/^wait/)).toBe('wait waited');
      expect(await caller.line(/^ask /)).toBe('ask 1');
      await caller.line(/^moved/);
      await next(caller, /^tick \d+$/);
      expect(caller.lines.filter((line) => /end|failed|in place/.test(line))).toEqual([]);
      expect(server.lines.filter((line) => line.startsWith('run'))).toEqual(['run 1']);
    },
    60_000,
  );
});
