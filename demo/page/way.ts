import type { Icon } from './icon.js';

/** How an instance is reached, in words. */
export interface Way {
  /** Also names its style. */
  readonly kind: 'self' | 'direct' | 'relay' | 'pending' | 'lost';
  readonly icon: Icon;
  readonly label: string;
  /** A sentence that explains it. */
  readonly meaning: string;
}

export const ways = {
  self: {
    kind: 'self',
    icon: 'self',
    label: 'this tab',
    meaning: 'This is the page you are looking at. It calls itself without leaving the tab.',
  },
  webrtc: {
    kind: 'direct',
    icon: 'direct',
    label: 'direct, WebRTC',
    meaning: 'The two talk to each other without anybody between them, by WebRTC.',
  },
  socket: {
    kind: 'direct',
    icon: 'direct',
    label: 'direct, WebSocket',
    meaning: 'This tab has connected to the program’s own port, by a WebSocket.',
  },
  relay: {
    kind: 'relay',
    icon: 'relay',
    label: 'relayed',
    meaning: 'The rendezvous passes on what the two say to each other.',
  },
  connecting: {
    kind: 'pending',
    icon: 'none',
    label: 'connecting…',
    meaning: 'This tab is connecting to it.',
  },
  unused: {
    kind: 'pending',
    icon: 'none',
    label: 'not connected',
    meaning: 'So many are on the air that this tab connects to the others only when you open them.',
  },
  notUp: {
    kind: 'pending',
    icon: 'none',
    label: 'not up yet',
    meaning: 'It can be called once it is up.',
  },
  away: {
    kind: 'lost',
    icon: 'none',
    label: 'lost, retrying',
    meaning: 'The connection was lost. Calls wait while another way is looked for.',
  },
  failed: {
    kind: 'lost',
    icon: 'none',
    label: 'not reached',
    meaning: 'It is announced, and this tab could not connect to it. It tries again.',
  },
  gone: {
    kind: 'lost',
    icon: 'none',
    label: 'gone',
    meaning: 'It has left, or was not heard of any more.',
  },
} as const satisfies Record<string, Way>;

/** By what a channel says it is. */
export function wayOf(transport: string): Way {
  if (transport === 'webrtc') return ways.webrtc;
  if (transport === 'relay') return ways.relay;
  if (transport === 'memory') return ways.self;
  return ways.socket;
}
