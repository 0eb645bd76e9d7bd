import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Page } from 'playwright';
import { inject } from 'vitest';
import type { Child } from '../child.js';
import { Meeting } from '../pages/meeting.js';
import { type Blow, type BlowKind, pageBlows } from './blow.js';
import type { CallFact, History, Places, RunFact } from './history.js';
import { factsIn, moduleOf, programOf } from './programs.js';
import { now, type StormSettings, strikeAll } from './storm.js';

/** What callers and serving tabs have at hand. */
interface Globals {
  // The package and our programs as they are in the page.
  // oxlint-disable-next-line no-explicit-any
  readonly dservice: any;
  // oxlint-disable-next-line no-explicit-any
  readonly storm: any;
  // oxlint-disable-next-line no-explicit-any
  readonly tab: any;
}

declare const window: Globals;

/** ms after which all is well: clients of a rendezvous that was away dial it anew after pauses of up to 15 s. */
const recovery = 25_000;

/** Callers, each in a tab of its own: what they call, by relay alone or directly, and by what they depend on it. */
const callers = {
  node: { query: 'node-ledger@^1', webrtc: true, hosts: ['n0', 'n1'], ways: ['relay'] },
  direct: { query: 'tab-ledger@^1', webrtc: true, hosts: ['t0', 't1'], ways: ['relay', 'direct'] },
  relayed: { query: 'tab-ledger@^1', webrtc: false, hosts: ['t0', 't1'], ways: ['relay'] },
};
type CallerName = keyof typeof callers;
// Names are those of the object.
const callerNames = Object.keys(callers) as CallerName[];

/** Where an instance is: in Node, known by multicast DNS alone, or in a tab, which may have others beside it. */
interface Slot {
  readonly host: string;
  readonly names: readonly string[];
  count: number;
  id: string;
  end: (how: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM') => Promise<void>;
}

/** Pages that call and serve, by a rendezvous and directly, and what is done to all of these. */
export class PageStorm {
  readonly #settings: StormSettings;
  readonly #meeting: Meeting;
  readonly #folder = inject('installed');
  readonly #run = crypto.randomUUID().slice(0, 8);
  readonly #slots = new Map<string, Slot>();
  readonly #tabs = new Map<CallerName, Page>();
  readonly #wrong: string[] = [];
  readonly #ledgers: string[] = [];
  readonly #nodes = new Set<Child>();
  #ledgerUrl = '';
  /** The rendezvous is ended on purpose. */
  #ending = false;

  private constructor(settings: StormSettings, meeting: Meeting) {
    this.#settings = settings;
    this.#meeting = meeting;
  }

  static async run(settings: StormSettings): Promise<{ history: History; places: Places }> {
    const meeting = await Meeting.open();
    try {
      const storm = new PageStorm(settings, meeting);
      await storm.#open();
      return { history: await storm.#storm(), places: storm.#places() };
    } finally {
      await meeting.close();
    }
  }

  #file(name: string): string {
    return join(this.#folder, `storm-${this.#run}-${name}.jsonl`);
  }

  async #open(): Promise<void> {
    this.#watchRendezvous();
    const file = this.#file('tabs');
    this.#ledgers.push(file);
    const ledger = this.#meeting.start(programOf('ledger'), [file]);
    this.#ledgerUrl = await ledger.says(/http:\S+/);
    const slots = [
      ...['1.0.0', '1.1.0', '2.0.0'].map((version, i) =>
        this.#inNode(`n${i}`, [`node-ledger@${version}`]),
      ),
      this.#inTab('t0', ['tab-ledger@1.0.0', 'tab-ledger@2.0.0']),
      this.#inTab('t1', ['tab-ledger@1.1.0']),
    ];
    await Promise.all(slots);
    await Promise.all(callerNames.map((name) => this.#call(name)));
  }

  #watchRendezvous(): void {
    const { rendezvous } = this.#meeting;
    void rendezvous.ended.then(({ code, signal, err }) => {
      if (err !== '') this.#wrong.push(`rendezvous: ${err}`);
      if (!this.#ending) this.#wrong.push(`rendezvous ended by ${signal ?? code}`);
    });
  }

  async #inNode(host: string, names: readonly string[]): Promise<void> {
    const slot = this.#slotOf(host, names);
    const ledger = this.#file(`${host}-${slot.count++}`);
    this.#ledgers.push(ledger);
    const child = this.#meeting.start(programOf('instance'), [
      JSON.stringify({ name: names[0], ledger }),
    ]);
    this.#nodes.add(child);
    let ending = false;
    slot.end = async (signal) => {
      child.kill(signal);
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
      ending = true;
      await child.ended;
    };
    void child.ended.then(({ code, signal, err }) => {
      this.#nodes.delete(child);
      if (err !== '') this.#wrong.push(`instance at ${host}: ${err}`);
      if (!ending) this.#wrong.push(`instance at ${host} ended by ${signal ?? code}`);
    });
    slot.id = (await child.says(/up \S+/)).slice(3);
  }

  #slotOf(host: string, names: readonly string[]): Slot {
    const slot = this.#slots.get(host) ?? {
      ...{ host, names, count: 0, id: '', end: () => Promise.resolve() },
    };
    this.#slots.set(host, slot);
    return slot;
  }

  async #inTab(host: string, names: readonly string[]): Promise<void> {
    const slot = this.#slotOf(host, names);
    const tab = await this.#tab(`tab at ${host}`, moduleOf('api', 'apiOf'));
    const [id = ''] = await tab.evaluate(
      async ([given, url]) => {
        // It is written down before the call runs, whatever becomes of the tab in the next moment.
        const write = (fact: object): void => {
          const request = new XMLHttpRequest();
          request.open('POST', url, false);
          request.send(JSON.stringify(fact));
        };
        const started = given.map(async (name) => {
          const service = window.dservice.default(
            name,
            window.storm.apiOf(() => service, write),
          );
          await service.start();
          return service.id as string;
        });
        return await Promise.all(started);
      },
      [names, this.#ledgerUrl] as const,
    );
    slot.id = id;
    // Beforehand: a tab that is busy may be slow to let one in.
    const cdp = await tab.context().newCDPSession(tab);
    const lost = (): void => void this.#wrong.push(`tab at ${host} crashed by itself`);
    tab.once('crash', lost);
    slot.end = async (signal) => {
      tab.off('crash', lost);
      if (signal === 'SIGTERM') return await tab.close();
      const crashed = new Promise<void>((resolve) => tab.once('crash', () => resolve()));
      // It never answers.
      cdp.send('Page.crash').catch(() => {});
      await crashed;
    };
  }

  async #tab(who: string, text: string): Promise<Page> {
    const tab = await this.#meeting.tab();
    tab.on('pageerror', (error) => this.#wrong.push(`${who}: ${error.message}`));
    await tab.addScriptTag({ type: 'module', content: text });
    await tab.waitForFunction('globalThis.storm !== undefined');
    return tab;
  }

  async #call(name: CallerName): Promise<void> {
    const { loops, deadlines } = this.#settings;
    const { query, webrtc } = callers[name];
    const tab = await this.#tab(`caller ${name}`, moduleOf('calls', 'makeCalls', 'seenBy'));
    this.#tabs.set(name, tab);
    const given = { name, query, webrtc, loops, deadlines };
    await tab.evaluate(async ({ query, webrtc, name, ...rest }) => {
      const { dservice, storm } = window;
      const own = dservice.default({ webrtc });
      const remote = await own.connect(query);
      const facts: object[] = [];
      const calls = storm.makeCalls({
        ...{ ...rest, caller: name },
        view: (how: object) => dservice.options(remote, how),
        seen: storm.seenBy(own, query.split('@')[0]),
        write: (fact: object) => facts.push(fact),
      });
      Object.assign(window.tab, { calls, facts });
    }, given);
  }

  async #storm(): Promise<History> {
    const { seed, ms, pauses, lasts } = this.#settings;
    const blows = await strikeAll(
      pageBlows({ seed, ms, pauses, lasts }),
      this.#settings,
      // A new tab comes by way of the rendezvous, which is the site as well.
      ({ target }) => (target.startsWith('t') ? 'relay' : target),
      (blow) => this.#strike(blow),
    );
    const over = now();
    const well: Record<string, number> = {};
    await Promise.all(
      callerNames.map(async (name) => {
        well[name] = await this.#isWell(name, over);
      }),
    );
    const calls: CallFact[] = [];
    await Promise.all(
      [...this.#tabs.values()].map(async (tab) => {
        const facts = await tab.evaluate(async () => {
          await window.tab.calls.end();
          return window.tab.facts as unknown[];
        });
        // Our own program made them.
        calls.push(...(facts as CallFact[]));
      }),
    );
    this.#ending = true;
    await Promise.all([...this.#slots.values()].map((slot) => slot.end('SIGTERM')));
    const runs = this.#ledgers.flatMap((file) => factsIn<RunFact>(file));
    return { calls, runs, blows, wrong: this.#wrong, over, well };
  }

  async #isWell(name: CallerName, over: number): Promise<number> {
    const ids = callers[name].hosts.map((host) => this.#slots.get(host)?.id ?? '');
    const well = this.#tabs.get(name)?.evaluate((ids) => window.tab.calls.well(ids), ids);
    const done = well?.then(() => now() - over);
    return (await Promise.race([done, after(recovery + 10_000, Infinity)])) ?? Infinity;
  }

  async #strike(blow: Blow): Promise<void> {
    const { kind, target, ms } = blow;
    const slot = this.#slots.get(target);
    if (slot !== undefined) return await this.#strikeInstance(slot, kind, ms);
    if (target === 'relay' && (kind === 'kill' || kind === 'roll' || kind === 'freeze')) {
      return await this.#strikeRendezvous(kind, ms);
    }
    await this.#filter(blow);
  }

  async #strikeInstance(slot: Slot, kind: BlowKind, ms: number): Promise<void> {
    if (kind === 'freeze') {
      await slot.end('SIGSTOP');
      await after(ms);
      return await slot.end('SIGCONT');
    }
    await slot.end('SIGKILL');
    await after(ms);
    const { host, names } = slot;
    await (host.startsWith('n') ? this.#inNode(host, names) : this.#inTab(host, names));
  }

  async #strikeRendezvous(kind: 'kill' | 'roll' | 'freeze', ms: number): Promise<void> {
    const { rendezvous } = this.#meeting;
    if (kind === 'freeze') {
      rendezvous.kill('SIGSTOP');
      await after(ms);
      return rendezvous.kill('SIGCONT');
    }
    this.#ending = true;
    rendezvous.kill(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await rendezvous.ended;
    if (kind === 'kill') await after(ms);
    await this.#meeting.startRendezvous();
    this.#ending = false;
    this.#watchRendezvous();
  }

  /** Drops packets to and from the rendezvous, or those of direct channels: all, or some. */
  async #filter({ kind, target, ms, amount = 0 }: Blow): Promise<void> {
    const { port, network } = this.#meeting;
    const some = ['-m', 'statistic', '--mode', 'random', '--probability', amount.toFixed(2)];
    const rules: string[][] = [];
    // Direct channels go over the interface, or over loopback, and multicast DNS over both.
    if (target === 'direct') rules.push(['-p', 'udp', '!', '--dport', '5353']);
    else {
      if (kind !== 'deaf') rules.push(['-p', 'tcp', '--sport', port]);
      if (kind !== 'mute') rules.push(['-p', 'tcp', '--dport', port]);
    }
    const all = rules.map((rule) => [
      ...['INPUT', ...rule],
      ...(kind === 'loss' ? some : []),
      ...['-j', 'DROP'],
    ]);
    for (const rule of all) network.run('iptables', '-A', ...rule);
    await after(ms);
    for (const rule of all) network.run('iptables', '-D', ...rule);
  }

  #places(): Places {
    return {
      instances: Object.fromEntries(callerNames.map((name) => [name, callers[name].hosts])),
      ways: Object.fromEntries(callerNames.map((name) => [name, callers[name].ways])),
      isInRange: (version) => version.startsWith('1.'),
      recovery,
    };
  }
}
