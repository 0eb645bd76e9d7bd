import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programPath } from './programs.mjs';

/** Why no Redis can be started here; undefined when one can. */
export function cannotStartRedis() {
  return programPath('redis-server') === undefined
    ? 'there is no redis-server: install redis'
    : undefined;
}

/**
 * A server of its own on 127.0.0.1, with a folder that goes away with it. It may be killed and started again: on the same
 * port, with what it has kept.
 */
export class RedisServer {
  #folder = mkdtempSync(join(tmpdir(), 'dservice-redis-'));
  #options;
  #child;
  #onExit = () => this.#remove();
  port = 0;

  /** `options`: as in redis.conf, `{ appendfsync: 'always' }`. */
  constructor(options = {}) {
    this.#options = { appendonly: 'yes', appendfsync: 'everysec', save: '', ...options };
    process.once('exit', this.#onExit);
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  get folder() {
    return this.#folder;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Starts it, and resolves when it answers; `ready: false`: when it listens, it may be loading still. */
  async start(more = {}, { ready = true } = {}) {
    if (this.port === 0) this.port = await freePort(this.#options['cluster-enabled'] === 'yes');
    const options = { ...this.#options, ...more };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const fixed = ['--port', this.port, '--bind', '127.0.0.1', '--dir', this.#folder];
    const child = spawn(programPath('redis-server'), [...fixed.map(String), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => (said = (said + data).slice(-4_000)));
    }
    const ended = once(child, 'exit').then(() => {
      throw new Error(`redis-server ended: ${said}`);
    });
    ended.catch(() => {});
    await Promise.race([this.#answers(ready), ended]);
    return this;
  }

  async #answers(ready) {
    for (;;) {
      const answer = await this.call('PING').catch(() => '');
      if (answer.startsWith('+PONG') || answer.startsWith('-NOAUTH')) return;
      if (!ready && answer !== '') return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What it answers to a command, as it is on the wire: for short answers. */
  call(...words) {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      let answer = '';
      socket.on('data', (data) => {
        answer += String(data);
        if (answer.endsWith('\r\n')) socket.end();
      });
      socket.once('close', () => resolve(answer));
      socket.once('error', reject);
      const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
  }

  /** Ends it at once, as a machine that loses power does, but for what the system keeps of its files. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Stops its process, as a machine that hangs; `resume` goes on. */
  pause() {
    this.#child?.kill('SIGSTOP');
  }

  resume() {
    this.#child?.kill('SIGCONT');
  }

  async stop() {
    process.removeListener('exit', this.#onExit);
    await this.#end('SIGKILL');
    this.#remove();
  }

  async #end(signal) {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  #remove() {
    this.#child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A cluster of three masters on this machine, and as many replicas of each as are asked for. */
export class RedisCluster {
  nodes = [];

  async start({ replicas = 0, options = {} } = {}) {
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-node-timeout': 1_000,
      'cluster-require-full-coverage': 'no',
      'repl-diskless-sync-delay': 0,
      ...options,
    };
    this.nodes = Array.from({ length: 3 * (1 + replicas) }, () => new RedisServer(settings));
    for (const node of this.nodes) await node.start();
    const masters = this.nodes.slice(0, 3);
    const [first] = masters;
    for (const [i, node] of masters.entries()) {
      const range = [Math.floor((16_384 * i) / 3), Math.floor((16_384 * (i + 1)) / 3) - 1];
      await node.call('CLUSTER', 'ADDSLOTSRANGE', ...range);
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const node of this.nodes.slice(1)) {
      await node.call('CLUSTER', 'MEET', '127.0.0.1', first.port);
    }
    await this.#all(async (node) => {
      const lines = (await node.call('CLUSTER', 'NODES')).split('\n');
      return (
        lines.filter((line) => / connected/.test(line) && !/handshake/.test(line)).length >=
        this.nodes.length
      );
    });
    for (const [i, node] of this.nodes.slice(3).entries()) {
      const id = await masters[i % 3].call('CLUSTER', 'MYID');
      await node.call('CLUSTER', 'REPLICATE', id.split('\r\n')[1]);
    }
    await this.#all(async (node) =>
      (await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    );
    if (replicas > 0) {
      await this.#all(async (node, i) =>
        i < 3 ? true : (await node.call('INFO', 'replication')).includes('master_link_status:up'),
      );
    }
    return this;
  }

  get urls() {
    return this.nodes.map(({ url }) => url);
  }

  /** Resolves when it is so of every node. */
  async #all(so) {
    for (;;) {
      const all = await Promise.all(this.nodes.map((node, i) => so(node, i)));
      if (all.every(Boolean)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop() {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** A port that is free now; for a node of a cluster, the one 10,000 above it is free too. */
async function freePort(pair) {
  for (;;) {
    const port = await tryPort(0);
    if (!pair) return port;
    if (port + 10_000 > 65_535) {
      // The system gives high ones: those lower down are as good.
      const low = 10_000 + Math.floor(Math.random() * 20_000);
      if ((await tryPort(low)) && (await tryPort(low + 10_000))) return low;
    } else if (await tryPort(port + 10_000)) return port;
  }
}

/** Its number, or 0 where it is taken. */
function tryPort(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(0));
    server.listen(port, '127.0.0.1', () => {
      const { port: given } = server.address();
      server.close(() => resolve(given));
    });
  });
}
