import { createRequire } from 'node:module';
import type { Clock } from '../src/clock.js';
import type { Direct } from '../src/channel/direct.js';
import {
  webrtcBy,
  type PeerLike,
  type PeerOptions,
  type WebrtcOptions,
} from '../src/channel/webrtc.js';
import { nodeClock } from './clock.js';
import { endWhenLost, type WatchedPeer } from './late-loss.js';

type PeerClass = new (options: PeerOptions & { wrtc: unknown }) => PeerLike & WatchedPeer;

/** By a name that no bundler follows: it may not be there. */
const optional: string = '@roamhq/wrtc';

/**
 * Direct channels of a Node process. Undefined where `@roamhq/wrtc` is not installed. It is loaded when the
 * first attempt is made.
 */
export function webrtc(options: WebrtcOptions = {}): Direct | undefined {
  try {
    createRequire(import.meta.url).resolve(optional);
  } catch {
    return undefined;
  }
  const { clock = nodeClock } = options;
  return webrtcBy(() => loadPeer(clock), { ...options, clock });
}

async function loadPeer(clock: Clock): Promise<(options: PeerOptions) => PeerLike> {
  const [{ default: wrtc }, { default: simplePeer }] = await Promise.all([
    // What it exports is simple-peer's to know.
    import(optional) as Promise<{ default: unknown }>,
    import('simple-peer'),
  ]);
  // `_channel` and `_pc` are not in its types.
  const Peer = simplePeer as unknown as PeerClass;
  return (options) => {
    const peer = new Peer({ ...options, wrtc });
    endWhenLost(peer, clock);
    return peer;
  };
}
