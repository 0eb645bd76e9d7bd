import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { VirtualClock } from '../src/testing/index.js';
import { endWhenLost } from './late-loss.js';

/** A peer of which only the state of its connection is told: one of wrtc’s shows a late one now and then, which cannot be forced. */
class Peer extends EventEmitter {
  destroyed = false;
  error: string | undefined;
  readonly _pc = { iceConnectionState: 'connected' };

  destroy({ message }: Error): void {
    this.destroyed = true;
    this.error = message;
  }

  /** Tells of a change, and shows what it came to afterwards. */
  change(told: string, then = told): void {
    this._pc.iceConnectionState = told;
    this.emit('iceStateChange', told);
    this._pc.iceConnectionState = then;
  }
}

function watched(): { peer: Peer; clock: VirtualClock } {
  const [peer, clock] = [new Peer(), new VirtualClock()];
  endWhenLost(peer, clock);
  return { peer, clock };
}

test('a loss that is told before the state shows it is seen', async () => {
  const { peer, clock } = watched();
  peer.change('disconnected');
  await clock.advance(9_500);
  expect(peer.destroyed).toBe(false);
  peer.change('disconnected', 'failed');
  await clock.advance(1_000);
  expect(peer.error).toBe('Ice connection failed.');
});

test('a connection that is well again is left alone, and looked at no more', async () => {
  const { peer, clock } = watched();
  peer.change('disconnected');
  await clock.advance(1_500);
  peer.change('connected');
  await clock.advance(1_000);
  peer._pc.iceConnectionState = 'failed';
  await clock.advance(60_000);
  expect(peer.destroyed).toBe(false);
});

test('of a peer that has ended nothing is asked', async () => {
  const { peer, clock } = watched();
  peer.change('disconnected');
  peer.destroy(new Error('by hand'));
  peer._pc.iceConnectionState = 'failed';
  await clock.advance(60_000);
  expect(peer.error).toBe('by hand');
});
