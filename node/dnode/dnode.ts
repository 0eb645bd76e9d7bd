import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns';
import {
  connect,
  createServer,
  type Server,
  type Socket,
  type TcpSocketConnectOpts,
} from 'node:net';
import { defaultLimits } from '../../src/limits.js';
import { Budget } from '../../src/protocol/budget.js';
import { nodeClock } from '../clock.js';
import { parseArgs } from './args.js';
import { DnodeStream } from './stream.js';

/** Milliseconds without progress after which a socket that was ended here is destroyed. */
const linger = 30_000;

/** A dnode stream that makes connections, and servers of them. */
export class Dnode extends DnodeStream {
  /** Throws an Error where there is neither a port nor a path. */
  connect(...args: unknown[]): this {
    const place = parseArgs(args);
    const { path, port, host, block } = place;
    let socket: Socket;
    if (path !== undefined && path !== '') socket = connect(path);
    else if (port) socket = connect(host === undefined ? local(port) : { port, host });
    else throw new Error('no port or unix path given');
    // What it is called with is the event's: the caller knows which.
    if (block !== undefined) this.on('remote', block as (...all: unknown[]) => void);
    this.id = randomId();
    let connected = false;
    socket.once('connect', () => (connected = true));
    socket.on('error', (error) => {
      // Like any emitter of Node, this throws where nobody listens, for a connection that never was.
      if (!connected) this.emit('error', error);
      else this.lose(error);
    });
    socket.once('close', () => {
      if (connected) this.end();
    });
    this.#join(socket);
    return this;
  }

  /** Throws an Error where there is neither a port nor a path. */
  listen(...args: unknown[]): Server {
    const { cons, opts } = this;
    // This one was only a way to say what each connection gets.
    this.end();
    const { path, port, host, block } = parseArgs(args);
    const sessions: Record<string, Dnode> = {};
    const budget = new Budget(opts.limits?.buffered ?? defaultLimits.buffered);
    const server = createServer((socket) => {
      const conn = new Dnode(cons, opts, { budget });
      const id = (conn.id = randomId());
      sessions[id] = conn;
      conn.on('end', () => delete sessions[id]);
      conn.on('local', (ref: unknown) => server.emit('local', ref, conn));
      conn.on('remote', (remote: unknown) => server.emit('remote', remote, conn));
      socket.on('error', (error) => conn.lose(error));
      socket.once('close', () => conn.end());
      conn.#join(socket);
    });
    Object.assign(server, { sessions });
    if (port !== undefined && port >= 0) server.listen(port, host);
    else if (path !== undefined && path !== '') server.listen(path);
    else throw new Error('no port or path provided');
    if (block !== undefined) server.on('listening', block);
    return server;
  }

  #join(socket: Socket): void {
    this.stream = socket;
    this.once('end', () => outlast(socket));
    socket.pipe(this);
    this.pipe(socket);
  }
}

/** Destroys an ended socket whose peer neither reads what is left nor closes its side. */
function outlast(socket: Socket): void {
  const before = socket.writableLength;
  const cancel = nodeClock.after(
    linger,
    () => {
      socket.off('close', cancel);
      if (socket.writableLength < before) outlast(socket);
      else socket.destroy();
    },
    true,
  );
  socket.once('close', cancel);
}

/** This machine, as programs of dnode's time mean it: by IPv4 first, whatever the resolver prefers. */
function local(port: number): TcpSocketConnectOpts {
  return {
    port,
    host: 'localhost',
    lookup: (name, options, callback) => lookup(name, { ...options, verbatim: false }, callback),
  };
}

function randomId(): string {
  return randomBytes(24).toString('hex');
}
