import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { makeRecord } from './fixtures/record.js';
import { Agent, cannotMakeNetworks, Lab, line } from './fixtures/lab.js';
import { subtypeName } from './names.js';

const why = cannotMakeNetworks();
const record = makeRecord({
  name: 'image.resize',
  endpoints: ['tcp://0.0.0.0:4001'],
  relies: [{ name: 'store', range: '^2' }],
});
const label = `image-resize-${record.id}`;

const byName =
  (name: string) =>
  (said: Readonly<Record<string, unknown>>, type = 'up') =>
    said['type'] === type && (said['record'] as InstanceRecord | undefined)?.name === name;

describe.skipIf(why !== undefined)(`other stacks${why === undefined ? '' : `: ${why}`}`, () => {
  let lab: Lab;
  const agents: Agent[] = [];

  beforeAll(() => {
    lab = new Lab();
    lab.host('a', 1);
    lab.host('b', 2);
  });
  afterAll(() => lab.close());
  afterEach(async () => {
    for (const agent of agents.splice(0)) {
      if (agent.program.exitCode !== null || agent.program.signalCode !== null) continue;
      const ended = new Promise((resolve) => agent.program.once('exit', resolve));
      agent.program.stdin?.end();
      await ended;
    }
  });

  async function agent(host: string): Promise<Agent> {
    const made = await lab.agent(host);
    agents.push(made);
    return made;
  }

  /** Runs a program on host b that prints lines of JSON. */
  function program(file: string, ...args: string[]): Agent {
    const bundle = lab.bundle(`${import.meta.dirname}/fixtures/${file}`, `${file}.cjs`);
    const made = new Agent(lab.start('b', [process.execPath, bundle, ...args]));
    agents.push(made);
    return made;
  }

  describe('Avahi', () => {
    let env: NodeJS.ProcessEnv;
    beforeAll(async () => {
      env = await lab.avahi('b');
    });

    /** What avahi-browse resolves, as its fields; the program ends by itself. */
    async function browse(type: string, wanted: string): Promise<string[]> {
      const browser = lab.start('b', ['avahi-browse', '-r', '-t', '-p', type], env);
      const found = await line(browser.stdout, new RegExp(`^=.*${wanted}`));
      return found.split(';');
    }

    test('sees and resolves our service, also by its subtype', async () => {
      const a = await agent('a');
      await a.tell({ do: 'announce', record });
      for (const type of ['_dservice._tcp', subtypeName(record.name).replace('.local', '')]) {
        const [, interfaceName, protocol, name, , domain, host, address, port, txt] = await browse(
          type,
          label,
        );
        expect({ interfaceName, protocol, name, domain, host, address, port }).toEqual({
          interfaceName: 'net0',
          protocol: 'IPv4',
          name: label,
          domain: 'local',
          host: `${record.id}.local`,
          address: '10.77.0.1',
          port: '4001',
        });
        for (const key of ['n=image.resize', 'v=1.2.3', `id=${record.id}`, 's=up', 'r=store@^2']) {
          expect(txt).toContain(`"${key}"`);
        }
      }
    });

    test('sees a service of its own host, with which it shares the port', async () => {
      const b = await agent('b');
      const own = makeRecord({ endpoints: ['tcp://0.0.0.0:4002'] });
      await b.tell({ do: 'announce', record: own });
      const fields = await browse('_dservice._tcp', own.id);
      expect(fields.slice(7, 9)).toEqual(['10.77.0.2', '4002']);
    });

    test('lists our type among all', async () => {
      const a = await agent('a');
      await a.tell({ do: 'announce', record });
      const browser = lab.start('b', ['avahi-browse', '-a', '-t', '-p'], env);
      await line(browser.stdout, new RegExp(`^\\+.*${label}`));
    });

    test('hears our goodbye', async () => {
      const a = await agent('a');
      await a.tell({ do: 'announce', record });
      const browser = lab.start('b', ['avahi-browse', '-p', '_dservice._tcp'], env);
      await line(browser.stdout, new RegExp(`^\\+.*${label}`));
      const gone = line(browser.stdout, new RegExp(`^-.*${label}`));
      await a.tell({ do: 'withdraw', id: record.id });
      await gone;
      browser.kill();
    });

    test.each(['a', 'b'])(
      'what it publishes comes up at us on host %s, and goes down',
      async (host) => {
        const ours = await agent(host);
        await ours.tell({ do: 'browse', name: 'theirs' });
        const publisher = lab.start(
          'b',
          [
            'avahi-publish-service',
            '-s',
            'Their printer',
            '_dservice._tcp',
            '1234',
            'n=theirs',
            'v=3.2.1',
          ],
          env,
        );
        const up = await ours.until((said) => byName('theirs')(said));
        expect(up).toMatchObject({
          record: {
            version: '3.2.1',
            endpoints: ['tcp://10.77.0.2:1234'],
            state: 'up',
            relies: [],
          },
        });
        publisher.kill();
        await ours.until((said) => byName('theirs')(said, 'down'));
      },
    );
  });

  test('bonjour-service sees our service', async () => {
    const a = await agent('a');
    await a.tell({ do: 'announce', record });
    const browser = program('peer-bonjour.ts');
    const found = await browser.until((said) => said['up'] === label);
    expect(found).toMatchObject({
      port: 4001,
      host: `${record.id}.local`,
      addresses: ['10.77.0.1'],
      txt: { n: 'image.resize', v: '1.2.3', id: record.id, s: 'up', r: 'store@^2' },
    });
    await a.tell({ do: 'withdraw', id: record.id });
    await browser.until((said) => said['down'] === label);
  });

  test('we see what bonjour-service publishes', async () => {
    const a = await agent('a');
    await a.tell({ do: 'browse', name: 'bonjour' });
    program('peer-bonjour.ts', 'bonjour', '4321');
    const up = await a.until((said) => byName('bonjour')(said));
    expect(up).toMatchObject({ record: { version: '2.0.0', endpoints: ['tcp://10.77.0.2:4321'] } });
  });

  test('we see what ciao advertises, and its goodbye', async () => {
    const a = await agent('a');
    await a.tell({ do: 'browse', name: 'ciao' });
    const ciao = program('peer-ciao.ts', 'ciao', '4321');
    const up = await a.until((said) => byName('ciao')(said));
    expect(up).toMatchObject({ record: { version: '2.0.0', endpoints: ['tcp://10.77.0.2:4321'] } });
    ciao.program.stdin?.end();
    await a.until((said) => byName('ciao')(said, 'down'));
  });
});
