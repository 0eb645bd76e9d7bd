import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { Child } from '../../node/fixtures/children.js';
import { Lab } from '../../node/mdns/fixtures/lab.js';
import { type Blow, type BlowKind, serviceBlows } from './blow.js';
import type { CallFact, History, Places, RunFact } from './history.js';
import { factsIn, programOf } from './programs.js';
import { now, type StormSettings, strikeAll } from './storm.js';

export interface ServiceSettings extends StormSettings {
  /** Hosts with instances in range. */
  readonly instances: number;
}

/** ms after which all is well: who was not heard for 10 s is dialled anew, by ways that are tried every 2 s. */
const recovery = 15_000;

/** The way of each caller: as it is announced, by WebSocket, round by the proxy. */
const callers = { plain: 'tcp', socket: 'ws', round: 'tcp' };
const firstPort = 7_000;

/** A place where one instance runs at a time. */
interface Slot {
  readonly host: string;
  /** Two, in turn: a successor is there before its predecessor has let go of its own. */
  readonly port: number;
  minor: number;
  readonly major: number;
  child: Child;
  id: string;
  count: number;
  /** It is ended on purpose. */
  ending: boolean;
}

/** A service under a storm: hosts in namespaces, instances and callers on them, and what is done to them. */
export class ServiceStorm {
  readonly #settings: ServiceSettings;
  readonly #lab = new Lab();
  readonly #slots = new Map<string, Slot>();
  readonly #callers = new Map<string, Child>();
  readonly #addresses = new Map<string, string>();
  readonly #wrong: string[] = [];
  readonly #ledgers: string[] = [];
  #proxy!: Child;
  readonly #instance = programOf('instance');
  #rules = 0;

  private constructor(settings: ServiceSettings) {
    this.#settings = settings;
  }

  static async run(settings: ServiceSettings): Promise<{ history: History; places: Places }> {
    const storm = new ServiceStorm(settings);
    try {
      await storm.#open();
      const history = await storm.#storm();
      return { history, places: storm.#places() };
    } finally {
      storm.#lab.close();
    }
  }

  get #hosts(): string[] {
    return Array.from({ length: this.#settings.instances }, (_, i) => `s${i}`);
  }

  async #open(): Promise<void> {
    const hosts = [...this.#hosts, 'beyond', ...Object.keys(callers), 'proxy'];
    for (const [n, host] of hosts.entries()) this.#addresses.set(host, this.#lab.host(host, n + 1));
    const [caller, proxy] = [programOf('caller'), programOf('proxy')];
    await Promise.all(
      [...this.#hosts, 'beyond'].map((host, i) =>
        this.#occupy(host, firstPort + i, host === 'beyond' ? [2, 0] : [1, i]),
      ),
    );
    const places = [...this.#slots.values()].map(({ host, port }) => [port, this.#at(host)]);
    this.#proxy = new Child(
      this.#lab.start('proxy', [process.execPath, proxy, JSON.stringify(places)]),
    );
    await this.#proxy.line(/^up$/);
    await Promise.all(
      Object.entries(callers).map(async ([name, scheme]) => {
        const { loops, deadlines } = this.#settings;
        const given = {
          ...{
            query: 'ledger@^1',
            caller: name,
            scheme,
            loops,
            deadlines,
            facts: this.#file(name),
          },
          ...(name === 'round' ? { proxy: this.#at('proxy') } : {}),
        };
        const child = new Child(
          this.#lab.start(name, [process.execPath, caller, JSON.stringify(given)]),
        );
        this.#callers.set(name, child);
        await child.line(/^connected$/);
      }),
    );
  }

  #at(host: string): string {
    return this.#addresses.get(host) ?? '';
  }

  #file(name: string): string {
    return join(this.#lab.folder, `${name}.jsonl`);
  }

  async #occupy(
    host: string,
    port: number,
    [major, minor]: readonly [number, number],
  ): Promise<void> {
    const slot = { host, port, major, minor, id: '', count: 0, ending: false };
    const child = this.#launch(slot);
    const whole: Slot = { ...slot, child, count: 1 };
    this.#slots.set(host, whole);
    await this.#isUp(whole);
  }

  #launch({ host, port, major, minor, count }: Omit<Slot, 'child'>): Child {
    const ledger = this.#file(`runs-${host}-${count}`);
    this.#ledgers.push(ledger);
    const given = { name: `ledger@${major}.${minor}.0`, reach: 'lan', port, ledger };
    const command = [process.execPath, this.#instance, JSON.stringify(given)];
    return new Child(this.#lab.start(host, command));
  }

  async #isUp(slot: Slot): Promise<void> {
    const { child } = slot;
    slot.ending = false;
    void child.ended.then(({ code, signal }) => {
      if (child.errors !== '') this.#wrong.push(`instance at ${slot.host}: ${child.errors}`);
      if (slot.child === child && !slot.ending) {
        this.#wrong.push(`instance at ${slot.host} ended by ${signal ?? code}`);
      }
    });
    slot.id = (await child.line(/^up /)).slice(3);
  }

  async #again(slot: Slot): Promise<void> {
    slot.child = this.#launch(slot);
    slot.count++;
    await this.#isUp(slot);
  }

  async #storm(): Promise<History> {
    const { seed, ms, pauses, lasts } = this.#settings;
    const hosts = { instances: this.#hosts, callers: Object.keys(callers), proxy: 'proxy' };
    const blows = await strikeAll(
      serviceBlows({ seed, ms, pauses, lasts }, hosts),
      this.#settings,
      ({ target }) => target,
      (blow) => this.#strike(blow),
    );
    const over = now();
    const well: Record<string, number> = {};
    const ids = this.#hosts.map((host) => this.#slots.get(host)?.id ?? '');
    await Promise.all(
      [...this.#callers].map(async ([name, child]) => {
        well[name] = await this.#isWell(child, ids, over);
      }),
    );
    await this.#end();
    return {
      calls: [...this.#callers.keys()].flatMap((name) => factsIn<CallFact>(this.#file(name))),
      runs: this.#ledgers.flatMap((file) => factsIn<RunFact>(file)),
      ...{ blows, wrong: this.#wrong, over, well },
    };
  }

  /** How many ms after the end of all it is well; Infinity where it is not long after it should be. */
  async #isWell(child: Child, ids: readonly string[], over: number): Promise<number> {
    child.process.stdin?.write(`well ${ids.join(' ')}\n`);
    const done = child.line(/^did well/).then(() => now() - over);
    return await Promise.race([done, after(recovery + 10_000, Infinity)]);
  }

  async #end(): Promise<void> {
    await Promise.all(
      [...this.#callers].map(async ([name, child]) => {
        child.process.stdin?.write('end\n');
        const { code, signal } = await child.ended;
        if (code !== 0) this.#wrong.push(`caller ${name} ended by ${signal ?? code}`);
        if (child.errors !== '') this.#wrong.push(`caller ${name}: ${child.errors}`);
      }),
    );
    if (this.#proxy.errors !== '') this.#wrong.push(`proxy: ${this.#proxy.errors}`);
    await Promise.all(
      [...this.#slots.values()].map(async (slot) => {
        slot.ending = true;
        slot.child.process.kill('SIGTERM');
        const { code, signal } = await slot.child.ended;
        if (signal === 'SIGTERM') return;
        this.#wrong.push(`instance at ${slot.host} ended by ${signal ?? code}`);
      }),
    );
  }

  async #strike(blow: Blow): Promise<void> {
    const { kind, ms, target, amount = 0 } = blow;
    const slot = this.#slots.get(target);
    if (slot !== undefined && isOfProcess(kind)) return await this.#strikeProcess(slot, kind, ms);
    if (target === 'proxy') return await this.#strikeProxy(kind, ms, amount);
    if (kind === 'cable') {
      this.#lab.inside(target, 'ip', 'link', 'set', 'net0', 'down');
      await after(ms);
      this.#lab.inside(target, 'ip', 'link', 'set', 'net0', 'up');
      this.#lab.inside(target, 'ip', 'route', 'replace', 'default', 'dev', 'net0');
      return;
    }
    await this.#filter(blow);
  }

  async #strikeProcess(slot: Slot, kind: 'kill' | 'roll' | 'freeze', ms: number): Promise<void> {
    if (kind === 'freeze') {
      slot.child.process.kill('SIGSTOP');
      await after(ms);
      slot.child.process.kill('SIGCONT');
      return;
    }
    slot.ending = true;
    slot.child.process.kill(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await slot.child.ended;
    if (kind === 'kill') await after(ms);
    else slot.minor++;
    await this.#again(slot);
  }

  async #strikeProxy(kind: BlowKind, ms: number, amount: number): Promise<void> {
    const tell = (line: string): void => void this.#proxy.process.stdin?.write(`${line}\n`);
    if (kind === 'cut') return tell('cut');
    tell(kind === 'slow' ? `delay ${amount}` : 'hold');
    await after(ms);
    tell(kind === 'slow' ? 'delay 0' : 'pass');
  }

  /** Drops packets at a host: all, those from one address, or some. */
  async #filter({ kind, target, other, ms, amount = 0 }: Blow): Promise<void> {
    // A comment, so that a rule is told from all others when it is taken away.
    const mark = ['-m', 'comment', '--comment', `storm ${this.#rules++}`, '-j', 'DROP'];
    const some = ['-m', 'statistic', '--mode', 'random', '--probability', amount.toFixed(2)];
    const rules: string[][] = [];
    const peer = (flag: string): string[] => (other === undefined ? [] : [flag, this.#at(other)]);
    if (kind !== 'mute') rules.push(['INPUT', '-i', 'net0', ...peer('-s')]);
    if (kind === 'mute' || kind === 'split') rules.push(['OUTPUT', '-o', 'net0', ...peer('-d')]);
    const all = rules.map((rule) => [...rule, ...(kind === 'loss' ? some : []), ...mark]);
    for (const rule of all) this.#lab.inside(target, 'iptables', '-A', ...rule);
    await after(ms);
    for (const rule of all) this.#lab.inside(target, 'iptables', '-D', ...rule);
  }

  #places(): Places {
    const own = (name: string): string[] => (name === 'round' ? [name, 'proxy'] : [name]);
    const names = Object.keys(callers);
    return {
      instances: Object.fromEntries(names.map((name) => [name, this.#hosts])),
      ways: Object.fromEntries(names.map((name) => [name, own(name)])),
      isInRange: (version) => version.startsWith('1.'),
      recovery,
    };
  }
}

function isOfProcess(kind: BlowKind): kind is 'kill' | 'roll' | 'freeze' {
  return kind === 'kill' || kind === 'roll' || kind === 'freeze';
}
