// For tests only: networks of namespaces, and programs in them.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import type { AgentCommand, AgentLine } from './agent.js';

/** Why networks cannot be made here; undefined when they can, or when something can be installed for it. */
export function cannotMakeNetworks(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  return undefined;
}

/** Throws one line that says what to install. */
export function need(program: string, debianPackage: string): void {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  if (folders.some((folder) => existsSync(join(folder, program)))) return;
  throw new Error(`This test needs ${program}: install ${debianPackage}`);
}

function ip(...args: string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/**
 * A switch and hosts on it, each in a network namespace of its own: nothing of it touches the
 * machine's own interfaces. `close` ends every program and removes every namespace.
 */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), 'dservice-lab-'));
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #programs = new Set<ChildProcess>();
  readonly #onExit = () => this.close();
  #agent: string | undefined;

  constructor() {
    need('ip', 'iproute2');
    // The folder's name is unique on this machine.
    this.#prefix = `ds${this.folder.slice(-6)}`;
    process.once('exit', this.#onExit);
    this.#add('sw');
    this.inside('sw', 'ip', 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
    this.inside('sw', 'ip', 'link', 'set', 'br0', 'up');
  }

  #add(name: string): void {
    const namespace = `${this.#prefix}-${name}`;
    ip('netns', 'add', namespace);
    this.#namespaces.push(namespace);
    this.inside(name, 'ip', 'link', 'set', 'lo', 'up');
  }

  /** A host `name` with the interface `net0`, at 10.77.0.`n`. */
  host(name: string, n: number): string {
    const address = `10.77.0.${n}`;
    this.#add(name);
    const port = `p-${name}`;
    const peer = ['peer', 'name', 'net0', 'netns', `${this.#prefix}-${name}`];
    this.inside('sw', 'ip', 'link', 'add', port, 'type', 'veth', ...peer);
    this.inside('sw', 'ip', 'link', 'set', port, 'master', 'br0', 'up');
    this.inside(name, 'ip', 'address', 'add', `${address}/24`, 'dev', 'net0');
    this.inside(name, 'ip', 'link', 'set', 'net0', 'up');
    // Some stacks multicast where the default route leads.
    this.inside(name, 'ip', 'route', 'add', 'default', 'dev', 'net0');
    return address;
  }

  /** Runs a program in a namespace, to its end; returns what it printed. */
  inside(name: string, ...command: string[]): string {
    const args = ['netns', 'exec', `${this.#prefix}-${name}`, ...command];
    const { status, stdout, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${error?.message ?? stderr}`);
    return stdout;
  }

  /** Starts a program in a namespace. */
  start(name: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const program = spawn('ip', ['netns', 'exec', `${this.#prefix}-${name}`, ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#programs.add(program);
    program.once('exit', () => this.#programs.delete(program));
    return program;
  }

  /** Starts an agent that has a discovery of reach `lan`, unless told otherwise. */
  async agent(
    name: string,
    options: Partial<Extract<AgentCommand, { do: 'open' }>['options']> = {},
  ): Promise<Agent> {
    this.#agent ??= this.bundle(join(import.meta.dirname, 'agent.ts'), 'agent.cjs');
    const agent = new Agent(this.start(name, [process.execPath, '--expose-gc', this.#agent]));
    await agent.tell({ do: 'open', options: { reach: 'lan', poll: 250, ...options } });
    return agent;
  }

  /** Makes one file of a program and all that it imports. */
  bundle(entry: string, name: string): string {
    const outfile = join(this.folder, name);
    buildSync({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
    });
    return outfile;
  }

  /** An Avahi daemon in a namespace, with a bus of its own. Returns the environment of its clients. */
  async avahi(name: string): Promise<NodeJS.ProcessEnv> {
    need('avahi-daemon', 'avahi-daemon');
    need('avahi-browse', 'avahi-utils');
    need('dbus-daemon', 'dbus');
    const file = (kind: string) => join(this.folder, `${name}-${kind}`);
    writeFileSync(
      file('bus.conf'),
      `<busconfig><type>session</type><listen>unix:path=${file('bus')}</listen><policy context="default">
      <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
      </policy></busconfig>`,
    );
    writeFileSync(
      file('avahi.conf'),
      `[server]\nhost-name=${name}\nuse-ipv4=yes\nuse-ipv6=no\nallow-interfaces=net0\n[wide-area]\nenable-wide-area=no\n`,
    );
    const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${file('bus')}` };
    const bus = this.start(name, [
      'dbus-daemon',
      `--config-file=${file('bus.conf')}`,
      '--nofork',
      '--nopidfile',
      '--print-address=1',
    ]);
    await line(bus.stdout, /^unix:/);
    // `ip netns exec` gives it a mount namespace, so its /run is not the machine's.
    const command = `mount -t tmpfs none /run && exec avahi-daemon --no-drop-root --no-chroot -f ${file('avahi.conf')}`;
    const daemon = this.start(name, ['sh', '-c', command], env);
    await line(daemon.stderr, /startup complete/);
    return env;
  }

  close(): void {
    process.removeListener('exit', this.#onExit);
    for (const program of this.#programs) program.kill('SIGKILL');
    for (const namespace of this.#namespaces) {
      const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
      for (const pid of (stdout ?? '').split('\n').filter(Boolean)) kill(Number(pid));
      spawnSync('ip', ['netns', 'delete', namespace]);
    }
    this.#namespaces.length = 0;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Waits for a line of output; fails with all that was there when the output ends without it. */
export function line(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stream === null) return reject(new Error('The program has no output'));
    const seen: string[] = [];
    const lines = createInterface({ input: stream });
    lines.on('line', (text) => {
      seen.push(text);
      if (pattern.test(text)) resolve(text);
    });
    lines.on('close', () => reject(new Error(`No ${String(pattern)} in: ${seen.join('\n')}`)));
  });
}

/** A program of ours in a namespace. */
export class Agent {
  readonly lines: AgentLine[] = [];
  readonly program: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #errors = '';

  constructor(program: ChildProcess) {
    this.program = program;
    program.stderr?.on('data', (data: Buffer) => (this.#errors += data.toString()));
    if (program.stdout === null) throw new Error('The agent has no output');
    createInterface({ input: program.stdout }).on('line', (text) => {
      // What an agent prints is a line of its own kind.
      this.lines.push(JSON.parse(text) as AgentLine);
      for (const look of [...this.#waiting]) look();
    });
  }

  /** Resolves with the line that says that it is done. */
  async tell(command: AgentCommand): Promise<AgentLine> {
    const before = this.lines.length;
    this.program.stdin?.write(`${JSON.stringify(command)}\n`);
    return this.until((said) => said['done'] === command.do, before, `done ${command.do}`);
  }

  /** The first line from the given one on, past or to come, that is so. The timeout is only a bound for failing. */
  until(is: (said: AgentLine) => boolean, from = 0, what = String(is)): Promise<AgentLine> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.slice(from).find(is);
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const said = this.lines.map((each) => JSON.stringify(each)).join('\n');
        reject(new Error(`Did not come: ${what}. What came:\n${said}\n${this.#errors}`));
      }, 50_000);
      this.#waiting.add(look);
      look();
    });
  }

  event(type: string, id: string, from = 0): Promise<AgentLine> {
    return this.until(
      (said) => said['type'] === type && (said['record'] as { id?: unknown } | undefined)?.id === id,
      from,
      `${type} ${id}`,
    );
  }
}
