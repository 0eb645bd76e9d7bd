import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumFlags, chromiumPath, withoutWebrtc } from './chromium.mjs';
import { programPath } from './programs.mjs';

/** Why networks cannot be made here; undefined when they can. */
export function cannotMakeNetworks() {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (programPath('ip') === undefined) return 'there is no ip: install iproute2';
  return undefined;
}

/**
 * A network of one host, in a network namespace: an interface with an address and a default route that
 * leads nowhere, for WebRTC, which finds no way on loopback alone. Nothing reaches the machine's own interfaces.
 */
export class Network {
  address = '10.78.0.1';
  #folder = mkdtempSync(join(tmpdir(), 'dservice-net-'));
  // The folder's name is unique on this machine.
  #name = `ds${this.#folder.slice(-6)}`;
  #programs = new Set();
  #browsers = new Set();
  #onExit = () => this.#remove();

  constructor() {
    process.once('exit', this.#onExit);
    ip('netns', 'add', this.#name);
    const inside = (...args) => ip('-n', this.#name, ...args);
    inside('link', 'set', 'lo', 'up');
    // A cable of which both ends are here, so that it is plugged in.
    inside('link', 'add', 'net0', 'type', 'veth', 'peer', 'name', 'net1');
    inside('address', 'add', `${this.address}/24`, 'dev', 'net0');
    inside('link', 'set', 'net0', 'up');
    inside('link', 'set', 'net1', 'up');
    inside('route', 'add', 'default', 'dev', 'net0');
  }

  /** Runs a program in it, to its end; returns what it printed. */
  run(...command) {
    return ip('netns', 'exec', this.#name, ...command);
  }

  /** Starts a program in it. */
  start([program, ...args], options = {}) {
    const child = spawn('ip', ['netns', 'exec', this.#name, program, ...args], options);
    this.#programs.add(child);
    child.once('exit', () => this.#programs.delete(child));
    return child;
  }

  /** Starts Chromium in it. Throws where there is none. */
  async chromium(flags = []) {
    const path = chromiumPath();
    if (path === undefined) throw new Error('There is no Chromium: npm run setup');
    const { chromium } = await import('playwright');
    const program = join(this.#folder, 'chromium');
    writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${this.#name} '${path}' "$@"\n`);
    chmodSync(program, 0o755);
    const browser = await chromium.launch({
      executablePath: program,
      args: [...chromiumFlags.filter((flag) => flag !== withoutWebrtc), ...flags],
    });
    this.#browsers.add(browser);
    return browser;
  }

  /** Ends every program in it, and removes it. */
  async close() {
    process.removeListener('exit', this.#onExit);
    await Promise.all([...this.#browsers].map((browser) => browser.close()));
    this.#remove();
  }

  #remove() {
    for (const child of this.#programs) child.kill('SIGKILL');
    const { stdout } = spawnSync('ip', ['netns', 'pids', this.#name], { encoding: 'utf8' });
    for (const pid of (stdout ?? '').split('\n').filter(Boolean)) kill(Number(pid));
    spawnSync('ip', ['netns', 'delete', this.#name]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function ip(...args) {
  const { status, stdout, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
