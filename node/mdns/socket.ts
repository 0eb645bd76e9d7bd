import { createSocket } from 'node:dgram';
import multicastDns from 'multicast-dns';
import { fromPacket, isPlausible, toPacket } from './codec.js';
import type { OpenTransport, Peer } from './transport.js';
import type { Message } from './message.js';

const group = '224.0.0.251';
const bindAddress = process.platform === 'win32' ? '0.0.0.0' : group;
const maxWaiting = 256;
const receiveBuffer = 1024 * 1024;

interface Waiting {
  readonly message: Message;
  readonly to: Peer | undefined;
  readonly done: ((error?: Error) => void) | undefined;
}

/**
 * The real transport: the multicast-dns package on a socket of ours.
 *
 * The socket is ours, and its multicast options are set here, because multicast-dns would go on
 * with the default route's interface when the one wanted cannot be set, would keep the process
 * alive by an interval, and cannot be told to look at a packet before it decodes it.
 *
 * It is bound to the group. Bound to the interface's address it would receive no multicast on
 * Linux; bound to any address it would take the unicast answers of other stacks on this machine,
 * which share the port: the last one bound gets them, and we never ask for any. Windows cannot bind
 * to a group. Either way it receives what other interfaces get, and `accept` tells them apart.
 */
export const openSocket: OpenTransport = (iface, port, handlers) => {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  let state: 'opening' | 'open' | 'closed' = 'opening';
  let waiting: Waiting[] = [];
  let reason = new Error('The socket is closed');
  let inFlight = 0;
  let drained: (() => void) | undefined;

  // Before multicast-dns listens, so that the options are set when it says `ready`.
  socket.once('listening', () => {
    try {
      socket.unref();
      socket.addMembership(group, iface.v4[0]);
      socket.setMulticastInterface(iface.v4[0] ?? '');
      socket.setMulticastLoopback(true);
      socket.setMulticastTTL(255); // RFC 6762 §11
      socket.setTTL(255);
      // Answers of many come at one moment; the system gives what it allows.
      socket.setRecvBufferSize(receiveBuffer);
    } catch (error) {
      fail(error);
    }
  });

  const mdns = multicastDns({ socket, port, bind: bindAddress, ip: group, multicast: false });
  mdns.on('error', fail);
  mdns.on('warning', () => {}); // a packet that cannot be decoded
  mdns.on('ready', () => {
    if (state !== 'opening') return;
    state = 'open';
    const ready = waiting;
    waiting = [];
    handlers.ready();
    for (const { message, to, done } of ready) send(message, to, done);
  });
  // dns-packet's own decoder made these, though the event is declared with looser types.
  mdns.on('packet', (packet: Parameters<typeof fromPacket>[0], from: Peer) => {
    if (state !== 'open') return;
    const message = fromPacket(packet);
    if (message !== undefined) handlers.receive(message, from);
  });
  guard();

  /** Puts a look at the source and the size before the decoder. */
  function guard(): void {
    // They are the `message` listeners of multicast-dns; dgram calls them with these two.
    const decoders = socket.listeners('message') as ((packet: Buffer, from: Peer) => void)[];
    socket.removeAllListeners('message');
    socket.on('message', (packet, from) => {
      if (state !== 'open' || !isPlausible(packet) || !handlers.accept(from.address)) return;
      for (const decode of decoders) decode(packet, from);
    });
  }

  function fail(error: unknown): void {
    if (state === 'closed') return;
    reason = error instanceof Error ? error : new Error(String(error));
    void close();
    handlers.failed(reason);
  }

  function send(message: Message, to?: Peer, done?: (error?: Error) => void): void {
    if (state === 'closed') {
      if (done !== undefined) process.nextTick(done, reason);
      return;
    }
    if (state === 'opening') {
      if (waiting.length >= maxWaiting) waiting.shift()?.done?.(new Error('Too much waits'));
      waiting.push({ message, to, done });
      return;
    }
    inFlight++;
    const callback = (error?: Error | null) => {
      inFlight--;
      done?.(error ?? undefined);
      if (inFlight === 0) drained?.();
    };
    try {
      // `send` is in the package though not in its types; `query` and `respond` set their own flags.
      (mdns as unknown as Sends).send(toPacket(message), to, callback);
    } catch (error) {
      // The packet cannot be encoded.
      process.nextTick(callback, error instanceof Error ? error : new Error(String(error)));
    }
  }

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    closing ??= new Promise((resolve) => {
      state = 'closed';
      for (const { done } of waiting) done?.(reason);
      waiting = [];
      // A socket that is closed drops what it is about to send.
      drained = () => mdns.destroy(resolve);
      if (inFlight === 0) drained();
    });
    return closing;
  }

  return { send, close };
};

interface Sends {
  send(
    packet: ReturnType<typeof toPacket>,
    to: Peer | undefined,
    callback: (error: Error | null) => void,
  ): void;
}
