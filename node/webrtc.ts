import { createRequire } from 'node:module';
import type { Direct } from '../src/channel/direct.js';
import {
  webrtcBy,
  type PeerLike,
  type PeerOptions,
  type WebrtcOptions,
} from '../src/channel/webrtc.js';
import { nodeClock } from './clock.js';

type PeerClass = new (options: PeerOptions & { wrtc: unknown }) => PeerLike;

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
  return webrtcBy(loadPeer, { clock: nodeClock, ...options });
}

async function loadPeer(): Promise<(options: PeerOptions) => PeerLike> {
  const [{ default: wrtc }, { default: simplePeer }] = await Promise.all([
    // What it exports is simple-peer's to know.
    import(optional) as Promise<{ default: unknown }>,
    import('simple-peer'),
  ]);
  // `_channel` is not in its types.
  const Peer = simplePeer as unknown as PeerClass;
  return (options) => new Peer({ ...options, wrtc });
}
