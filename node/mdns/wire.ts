// For tests only: nothing of the package imports this.
import dnsPacket from 'dns-packet';
import type { Clock } from '../../src/clock.js';
import { fromPacket, isPlausible, toPacket } from './codec.js';
import type { Interface, OsInterfaces } from './interfaces.js';
import type { Message } from './message.js';
import type { OpenTransport, Peer, Transport, TransportHandlers } from './transport.js';

interface Port {
  readonly iface: Interface;
  readonly port: number;
  readonly handlers: TransportHandlers;
}

/** A packet as it was sent. */
export interface Sent {
  readonly at: number;
  readonly from: Peer;
  /** Undefined: to the group. */
  readonly to: Peer | undefined;
  readonly message: Message;
}

/**
 * A link in memory. Packets cross it as bytes, at once or as `fate` says; all sockets on it get what
 * is sent to the group, the sender's too.
 */
export class Wire {
  readonly log: Sent[] = [];
  /** Milliseconds after which each copy of a packet arrives: none is a loss, two a duplicate. */
  fate: (sent: Sent, to: Interface) => readonly number[] = () => [0];
  /** What sending fails with, if it does. */
  broken: Error | undefined;
  readonly #clock: Clock;
  readonly #ports = new Set<Port>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many sockets are open. */
  get open(): number {
    return this.#ports.size;
  }

  readonly transport: OpenTransport = (iface, port, handlers) => {
    const own: Port = { iface, port, handlers };
    this.#ports.add(own);
    const send: Transport['send'] = (message, to, done) => {
      const error = this.#ports.has(own) ? this.broken : new Error('closed');
      if (error === undefined) {
        this.inject(message, { address: iface.v4[0] ?? '', port }, to);
      }
      this.#clock.defer(() => done?.(error));
    };
    const close = () => {
      this.#ports.delete(own);
      return Promise.resolve();
    };
    return { send, close };
  };

  /** Sends as somebody else. */
  inject(message: Message, from: Peer, to?: Peer): void {
    const sent = { at: this.#clock.now(), from, to, message };
    this.log.push(sent);
    this.#carry(dnsPacket.encode(toPacket(message)), sent);
  }

  injectBytes(bytes: Buffer, from: Peer): void {
    for (const port of this.#ports) arrive(port, bytes, from);
  }

  #carry(bytes: Buffer, sent: Sent): void {
    for (const port of this.#ports) {
      const { iface } = port;
      const isTo = sent.to === undefined || iface.v4.includes(sent.to.address);
      if (!isTo || (sent.to !== undefined && sent.to.port !== port.port)) continue;
      for (const delay of this.fate(sent, iface)) {
        const give = () => {
          if (this.#ports.has(port)) arrive(port, bytes, sent.from);
        };
        if (delay === 0) this.#clock.defer(give);
        else this.#clock.after(delay, give);
      }
    }
  }
}

function arrive({ handlers }: Port, bytes: Buffer, from: Peer): void {
  if (!isPlausible(bytes) || !handlers.accept(from.address)) return;
  let packet;
  try {
    packet = dnsPacket.decode(bytes);
  } catch {
    return;
  }
  const message = fromPacket(packet);
  if (message !== undefined) handlers.receive(message, from);
}

/** A host's interfaces as Node tells of them: loopback, and one with this address of a /24. */
export function hostWith(address: string | undefined): OsInterfaces {
  const lo = {
    address: '127.0.0.1',
    family: 'IPv4',
    internal: true,
    mac: '00:00:00:00:00:00',
    cidr: '127.0.0.1/8',
  };
  if (address === undefined) return { lo: [lo] };
  const mac = `02:00:00:00:00:${address.split('.')[3]?.padStart(2, '0')}`;
  const eth = { address, family: 'IPv4', internal: false, mac, cidr: `${address}/24` };
  return { lo: [lo], eth0: [eth] };
}
