import { defaultLimits, type Limits } from '../limits.js';

/** Every bound of a hub, in one place. */
export interface HubLimits {
  /** Clients at once; a further one is not served. */
  readonly clients: number;
  /** The same of one address: behind a proxy, all have the proxy's. */
  readonly clientsPerAddress: number;
  /** Records that one client announces at once: ERR_LIMIT beyond. */
  readonly records: number;
  /** Characters of one record as JSON: ERR_LIMIT beyond. */
  readonly record: number;
  /** Browsings of one client at once: ERR_LIMIT beyond. */
  readonly subscriptions: number;
  /** Dials of one client at once, those it made and those it answers: ERR_LIMIT beyond, ERR_BUSY where it is the other's. */
  readonly dials: number;
  /**
   * Relayed characters that one client has been sent and has not taken: the dial that would add more
   * is ended with ERR_LIMIT. So much that clients which keep to their windows never meet it.
   */
  readonly outstanding: number;
  /** Characters of one signal as JSON: ERR_LIMIT beyond. */
  readonly signal: number;
  /** Calls a second of one client, relayed text not counted: ERR_BUSY beyond. */
  readonly calls: number;
  /** Calls that it may make at once, after it was quiet. */
  readonly burst: number;
  /** Versions, and characters of the range and of each version, of one match: ERR_LIMIT beyond. */
  readonly versions: number;
  readonly version: number;
}

export const defaultHubLimits: HubLimits = {
  clients: 5_000,
  clientsPerAddress: 1_000,
  records: 100,
  record: 8 * 1024,
  subscriptions: 100,
  dials: 256,
  outstanding: 16 * 1024 * 1024,
  signal: 64 * 1024,
  calls: 100,
  burst: 500,
  versions: 1_000,
  version: 256,
};

/** Of the sessions with the clients: nothing that they rightly send is large. */
export function sessionLimits(limits: HubLimits): Limits {
  return {
    ...defaultLimits,
    // A character may take six in JSON.
    line: 6 * Math.max(limits.signal, limits.record, 16 * 1024) + 4 * 1024,
    sessions: limits.clients,
    sessionsPerAddress: limits.clientsPerAddress,
    // What a client lets go of is known late, where it leaves that to its collector.
    functions: Math.max(16 * 1024, 8 * (limits.records + limits.subscriptions + 4 * limits.dials)),
    unsentMax: 32 * 1024 * 1024,
  };
}

/** Milliseconds. */
export const hubTimes = {
  /** Between two calls of a listener for changes. */
  window: 200,
  /** From the beginning until everybody who lost the hub before it has come: as long as clients pause, and some. */
  settling: 20_000,
  /** Until who is dialled has answered. */
  answer: 10_000,
  /** Until a dial that one side has ended is over. */
  linger: 10_000,
  /** Of a call to a client that says nothing else. */
  deadline: 10_000,
};

/**
 * What goes into one call of a listener: events, and about so many characters. `turn`: characters after
 * which others have their turn, before more listeners are told.
 */
export const batch = { events: 500, size: 128 * 1024, turn: 2 * 1024 * 1024 };
