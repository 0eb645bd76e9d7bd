import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Channel } from '../../src/channel/channel.js';
import type { Discovery } from '../../src/discovery/discovery.js';
import type { InstanceRecord, Rely } from '../../src/discovery/record.js';
import { DserviceError } from '../../src/errors.js';
import { defaultLimits } from '../../src/limits.js';
import type { Identity } from '../../src/protocol/hello.js';
import { askRelies } from '../../src/service/ask-relies.js';
import { makeDial, sessionOf } from '../../src/service/dial.js';
import { Observers } from '../../src/service/observers.js';
import type { Reach } from '../../src/service/service-options.js';
import { type Interface, selectInterfaces } from '../mdns/interfaces.js';
import { makeMessage, type Question } from '../mdns/message.js';
import { openSocket } from '../mdns/socket.js';
import { nodeRuntime } from '../runtime.js';

/** What a command tries by itself, beside what a discovery tells. */
export interface Net {
  /** The reach where none is given. Throws ERR_OPTION. */
  readonly reach: Reach;
  /** Those that have an IPv4 address, within reach. */
  interfaces(reach: Reach): readonly Interface[];
  /** Multicasts a question that nobody answers. Resolves when it came back: with why it did not, if so. */
  multicast(iface: Interface): Promise<Error | undefined>;
  /** Whether a caller of that reach may use an endpoint. */
  reachable(endpoint: string, reach: Reach): boolean;
  /**
   * Connects, and resolves with who is there; undefined where it does not say. Rejects with ERR_ENDPOINT,
   * ERR_CONNECT, ERR_TIMEOUT, ERR_AUTH and what else ends a session.
   */
  knock(target: string | Channel, auth: unknown): Promise<Identity | undefined>;
  /** What an instance says that it relies on, when it is asked. Rejects with why it is not known. */
  relies(record: InstanceRecord, reach: Reach, discovery: Discovery): Promise<readonly Rely[]>;
}

/** Milliseconds for one packet on this machine. */
const echo = 1_000;
/** Milliseconds for a connection, and for the first word. */
const patience = 3_000;

/** This machine's. `port`: that of multicast DNS. */
export function realNet(port = 5353): Net {
  const dial = makeDial(nodeRuntime);
  const logger = { warn: () => {} };
  return {
    get reach() {
      return nodeRuntime.reach;
    },
    interfaces: (reach) => selectInterfaces(networkInterfaces(), reach),
    multicast: (iface) => multicast(iface, port),
    reachable: (endpoint, reach) => nodeRuntime.reachable(endpoint, reach),
    async knock(target, auth) {
      const given = auth === undefined ? {} : { auth };
      const session = sessionOf(await dial(target, { timeout: patience, logger, ...given }));
      session.close();
      return session.hello?.service;
    },
    relies(record, reach, discovery) {
      const { clock, scope } = nodeRuntime;
      const observers = new Observers({ clock, scope }, { logger });
      return askRelies(record, {
        ...{ runtime: nodeRuntime, discovery, reach, limits: defaultLimits, logger, observers },
        ...{ engines: [], self: undefined, options: {} },
      });
    },
  };
}

function multicast(iface: Interface, port: number): Promise<Error | undefined> {
  const name = `${randomBytes(8).toString('hex')}._doctor._dservice._tcp.local`;
  const question: Question = { name, type: 'PTR' };
  return new Promise((resolve) => {
    const end = (why?: Error): void => {
      stopTimer();
      void transport.close();
      resolve(why);
    };
    const stopTimer = nodeRuntime.clock.after(echo, () => {
      const text = `what is sent to 224.0.0.251, port ${port}, does not come back within ${echo} ms`;
      end(new DserviceError('ERR_DISCOVERY', text));
    });
    const transport = openSocket(iface, port, {
      accept: () => true,
      receive: ({ questions }) => {
        if (questions.some((it) => it.name === name)) end();
      },
      ready: () => {
        const message = makeMessage({ questions: [question] });
        transport.send(message, undefined, (error) => error && end(error));
      },
      failed: end,
    });
  });
}
