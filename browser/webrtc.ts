import type { Direct } from '../src/channel/direct.js';
import {
  webrtcBy,
  type PeerLike,
  type PeerOptions,
  type WebrtcOptions,
} from '../src/channel/webrtc.js';
import { systemClock } from '../src/clock.js';

type PeerClass = new (options: PeerOptions) => PeerLike;

/**
 * Direct channels of a page. Undefined where there is no WebRTC: in workers, in WebKitGTK. simple-peer, about 30 KB
 * on the wire, is loaded when the first attempt is made.
 */
export function webrtc(options: WebrtcOptions = {}): Direct | undefined {
  if (typeof RTCPeerConnection === 'undefined') return undefined;
  return webrtcBy(loadPeer, { clock: systemClock, ...options });
}

async function loadPeer(): Promise<(options: PeerOptions) => PeerLike> {
  const loaded = await import('simple-peer/simplepeer.min.js');
  // Made a module by a bundler it has a default; as it is, it leaves a global.
  const { SimplePeer } = globalThis as { SimplePeer?: unknown };
  // It is the class of simple-peer 9.11, the last one; `_channel` is not in its types.
  const Peer = (loaded.default ?? SimplePeer) as PeerClass;
  return (options) => {
    const peer = new Peer(options);
    // A page that goes says nothing by itself, and the other side would wait for half a minute.
    const leave = (): void => peer.destroy();
    addEventListener('pagehide', leave);
    peer.on('close', () => removeEventListener('pagehide', leave));
    return peer;
  };
}
