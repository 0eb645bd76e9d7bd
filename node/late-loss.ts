import type { Clock } from '../src/clock.js';

/** The part of a simple-peer that is watched. */
export interface WatchedPeer {
  readonly destroyed: boolean;
  readonly _pc: { readonly iceConnectionState: string };
  on(event: 'iceStateChange', listener: (state: string) => void): unknown;
  destroy(error: Error): unknown;
}

/** Milliseconds between looks at a connection that has gone silent. */
const lookEvery = 1_000;

/**
 * Ends a peer whose connection has failed without a word: @roamhq/wrtc may tell of a change while the state that
 * it shows is still the one before, `disconnected`, and tells of no other. A silent connection is looked at again
 * until it is well or lost.
 */
export function endWhenLost(peer: WatchedPeer, clock: Clock): void {
  let looking = false;
  const look = (): void => {
    looking = false;
    if (peer.destroyed) return;
    const state = peer._pc.iceConnectionState;
    if (state === 'failed') peer.destroy(new Error('Ice connection failed.'));
    else heard(state);
  };
  const heard = (state: string): void => {
    if (state !== 'disconnected' || looking) return;
    looking = true;
    clock.after(lookEvery, look, true);
  };
  peer.on('iceStateChange', heard);
}
