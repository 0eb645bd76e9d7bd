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
    alert(...words: unknown[]): string {
      const from = callerOf(context());
      const message = sentence(words);
      toasts.show(message, from);
      log.add(`alert("${harmless(message, 80)}"), called by ${from}`, 'call-in');
      return `shown in ${name}`;
    },

    /** Asks whoever looks at the page, and answers what they say. */
    async ask(...words: unknown[]): Promise<string> {
      // Asked for before the first await: later, a page does not know any more whom it serves.
      const [{ signal }, from] = [context(), callerOf(context())];
      const question = sentence(words);
      log.add(`ask("${harmless(question, 80)}"), called by ${from}`, 'call-in');
      const answer = await toasts.ask(question, from, signal);
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

/** What was said, with or without quotes around it. */
function sentence(words: readonly unknown[]): string {
  return words
    .map((word) => (typeof word === 'string' ? word : (JSON.stringify(word) ?? '')))
    .join(' ');
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
