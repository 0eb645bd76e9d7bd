import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Channel } from './channel.js';
import { checkOrigin, handshake, nonceOf } from './handshake.js';
import { messagePortChannel } from './message-port.js';

export interface WindowListenerOptions {
  /** Who may connect, exactly. */
  readonly origins: readonly string[];
  /** Where handshakes arrive: a window, a service worker's scope. */
  readonly scope: EventTarget;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

/** Handshakes that are remembered, so that those repeated make no second connection. */
const remembered = 1_000;
/** Origins that are named in the log. */
const named = 100;

/**
 * Takes the handshakes of windows of these origins, and hands over a channel for each. Returns what ends
 * the listening. Throws ERR_OPTION. Of others' messages it looks at nothing, but for a line in the log.
 */
export function listenWindows(
  { origins, scope, clock, warn }: WindowListenerOptions,
  onChannel: (channel: Channel) => void,
): () => void {
  // A single origin, as text, would be read letter by letter.
  const list: unknown = origins;
  if (!Array.isArray(list) || list.length === 0) {
    throw new DserviceError('ERR_OPTION', "who may connect is a list: ['https://app.example']");
  }
  const allowed = new Set(origins);
  for (const origin of allowed) checkOrigin(origin);
  const nonces = new Set<string>();
  const refused = new Set<string>();

  const refuse = (event: MessageEvent<unknown>): void => {
    const { origin } = event;
    if (refused.has(origin) || refused.size >= named) return;
    // The page has other guests: only what was meant for us is worth a line.
    if (nonceOf('connect', event.data) === undefined) return;
    refused.add(origin);
    const who = origin === 'null' ? 'without an origin (sandboxed, or a file)' : `of ${origin}`;
    warn(
      `dservice: a window ${who} asks for a connection, ignored: ${[...allowed].join(', ')} may`,
    );
  };
  const message = (given: Event): void => {
    // Of this type alone.
    const event = given as MessageEvent<unknown>;
    const [port] = event.ports;
    if (port === undefined) return;
    if (!allowed.has(event.origin)) return refuse(event);
    const nonce = nonceOf('connect', event.data);
    if (nonce === undefined) return;
    // One port cannot have two owners: the first that serves this origin has it.
    event.stopImmediatePropagation();
    if (nonces.has(nonce)) return port.close();
    nonces.add(nonce);
    for (const oldest of nonces) {
      if (nonces.size <= remembered) break;
      nonces.delete(oldest);
    }
    port.postMessage(handshake('connected', nonce));
    const peer = { transport: 'window', origin: event.origin };
    onChannel(messagePortChannel(port, { clock, peer }));
  };
  scope.addEventListener('message', message);
  return () => scope.removeEventListener('message', message);
}
