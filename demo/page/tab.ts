import dservice, { context, type CallContext, type Service } from 'dservice';
import type { Log } from './log.js';
import { harmless } from './text.js';
import type { Toasts } from './toasts.js';

export interface TabOptions {
  readonly name: string;
  readonly log: Log;
  readonly toasts: Toasts;
}

/** The service that this tab is. It calls the others, too. */
export function makeTab({ name, log, toasts }: TabOptions): Service<object> {
  const opened = new Date();
  const api = {
    /** Shows a message. */
    alert(text: unknown): string {
      const from = callerOf(context());
      const message = typeof text === 'string' ? text : (JSON.stringify(text) ?? '');
      toasts.show(message, from);
      log.add(`alert("${harmless(message, 80)}"), called by ${from}`, 'call-in');
      return `shown in ${name}`;
    },

    /** Asks whoever looks at the page, and answers what they say. */
    async ask(question: unknown): Promise<string> {
      const { signal, ...rest } = { signal: context().signal, from: callerOf(context()) };
      log.add(`ask("${harmless(String(question), 80)}"), called by ${rest.from}`, 'call-in');
      const answer = await toasts.ask(String(question), rest.from, signal);
      if (answer === undefined) throw new Error('they would rather not say');
      return answer;
    },

    /** What can be told of this page. */
    about(): object {
      return {
        opened,
        url: new URL(location.origin),
        size: [innerWidth, innerHeight],
        dark: matchMedia('(prefers-color-scheme: dark)').matches,
        visible: document.visibilityState === 'visible',
      };
    },
  };
  return dservice(`${name}@1.0.0`, api, {
    logger: { warn: (message) => log.add(harmless(message, 300), 'bad') },
  });
}

/** Who calls, as far as the channel knows. */
function callerOf({ peer }: CallContext): string {
  const { transport, origin, address } = peer;
  if (transport === 'memory') return 'this tab itself';
  const who =
    origin === undefined ? 'a program' : `a page of ${origin.replace(/^https?:\/\//, '')}`;
  const where = origin === undefined && address !== undefined ? ` at ${address}` : '';
  const how = { relay: ', relayed', webrtc: ', directly' }[transport] ?? '';
  return `${who}${where}${how}`;
}
