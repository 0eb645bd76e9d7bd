import type { Socket } from 'node:net';
import type { Channel, ChannelPeer } from '../../src/channel/channel.js';
import { hostPort } from './address.js';
import { Slabs } from './slabs.js';
import { pairChannel, type StreamOptions } from './stream.js';

/** Milliseconds without any progress after which a socket that we have ended is destroyed. */
const linger = 30_000;
/** Milliseconds of silence after which TCP asks whether the peer is there: plain peers do not ping. */
export const keepAlive = 15_000;

export interface SocketOptions {
  /** Said by the caller where it knows better: the transport, a name instead of an address. */
  peer?: ChannelPeer | undefined;
  /** Unsent bytes at which `write` returns false. */
  window?: number;
  /** What bytes are written from, shared by many. */
  slabs?: Slabs | undefined;
  /** Where what the socket reads is told, if it was made so: see `StreamOptions`. */
  reader?: StreamOptions['reader'] | undefined;
}

/**
 * A byte channel over a connected `net.Socket` or `tls.TLSSocket`, tuned for many small messages. The
 * socket is the channel's from here on.
 */
export function socketChannel(socket: Socket, options: SocketOptions = {}): Channel {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAlive);
  socket.setTimeout(0);
  // Counts as progress whatever the kernel takes, which no timer of ours could see.
  socket.on('timeout', destroy);
  return pairChannel(socket, socket, {
    window: options.window,
    peer: options.peer ?? peerOf(socket),
    binary: true,
    alone: true,
    slabs: options.slabs ?? new Slabs(),
    reader: options.reader,
    ending: () => socket.setTimeout(linger),
    hold: (keep) => void (keep ? socket.ref() : socket.unref()),
  });
}

/** Of all sockets: not one for each. */
function destroy(this: Socket): void {
  this.destroy();
}

function peerOf(socket: Socket): ChannelPeer {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return { transport: 'unix' };
  return {
    transport: 'encrypted' in socket ? 'tls' : 'tcp',
    address: hostPort(remoteAddress, remotePort ?? 0),
  };
}
