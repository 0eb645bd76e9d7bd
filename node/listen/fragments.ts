import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../../src/clock.js';
import type { DserviceError } from '../../src/errors.js';
import type { Budget, Keeper } from '../../src/protocol/budget.js';
import { Stall } from '../../src/protocol/stall.js';

/** What `ws` knows of a message that is not whole, and does not tell: bytes not read yet, and those that its frames said. */
interface Receiver {
  readonly _bufferedBytes?: number;
  readonly _totalPayloadLength?: number;
}

/** Of a message so much is not counted: most come in one piece. */
const small = 64 * 1024;
/** The close code of who does not keep to the rules (RFC 6455 §7.4.1). */
const policy = 1008;

export interface FragmentsOptions {
  readonly clock: Clock;
  readonly limits: { readonly stall: number };
  readonly budget: Budget;
}

/**
 * Watches over messages of a WebSocket while they are not whole. `ws` keeps what has come of them, where no
 * session sees it: it counts among what a server keeps (`buffered`), and has to go on (`stall`).
 */
export function watchFragments(ws: WebSocket, socket: Socket, options: FragmentsOptions): void {
  const { clock, limits, budget } = options;
  /** Bytes that have come since the last message, and those of them that are counted. */
  let since = 0;
  let counted = 0;
  let messages = 0;
  let halts = 0;
  const end = (why: string): void => {
    ws.close(policy, why.slice(0, 120));
    // Its answer would be read behind what it does not send.
    setImmediate(() => ws.terminate());
  };
  const keeper: Keeper = { evict: ({ message }) => end(message) };
  /** How far the message has come that is not whole; 0, where there is none. */
  const reached = (): number => {
    const { _receiver } = ws as unknown as { readonly _receiver?: Receiver };
    return (_receiver?._bufferedBytes ?? 0) + (_receiver?._totalPayloadLength ?? 0);
  };
  let last = 0;
  const stall = new Stall(
    {
      ...{ clock, limits },
      intake: {
        get unfinished() {
          return reached() > 0 ? messages : undefined;
        },
      },
      channel: { buffered: 0 },
    },
    {
      get halts() {
        return halts;
      },
      get halted() {
        return ws.isPaused;
      },
      onStalled: end,
    },
  );
  const whole = (): void => {
    messages++;
    since = 0;
    if (counted > 0) budget.give(counted, keeper, true);
    counted = 0;
  };
  // After `ws` has read them: it listened before.
  socket.on('data', (chunk: Buffer) => {
    const now = reached();
    // Frames without anything in them are no progress.
    stall.read(Math.max(0, now - last));
    last = now;
    since = now > 0 ? since + chunk.length : 0;
    if (since <= small) return;
    try {
      budget.take(chunk.length, keeper);
      counted += chunk.length;
    } catch (error) {
      // Only the budget throws here.
      end((error as DserviceError).message);
    }
  });
  for (const event of ['message', 'ping', 'pong']) ws.on(event, whole);
  for (const event of ['pause', 'resume']) socket.on(event, () => halts++);
  ws.on('close', () => {
    whole();
    stall.stop();
  });
}
