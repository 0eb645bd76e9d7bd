import type { IncomingMessage } from 'node:http';
import type { Logger } from '../../src/service/runtime.js';
import type { Refusal } from '../listen/guard.js';

/** Origins and hosts that are named in the log; strangers choose them. */
const most = 100;

/** Tells whom the guard refused, and what would let them in: a line for each origin and each host. */
export function refusalLog(logger: Logger): (refusal: Refusal, request: IncomingMessage) => void {
  const named = new Set<string>();
  return ({ status }, { headers }) => {
    const line = lineFor(status, headers);
    if (line === undefined || named.has(line) || named.size > most) return;
    named.add(line);
    const last = named.size > most;
    logger.warn(`dservice: ${last ? 'the rendezvous refuses more, who are not named' : line}`);
  };
}

function lineFor(status: number, { origin, host }: IncomingMessage['headers']): string | undefined {
  if (status === 421) {
    const name = plain(host ?? '').replace(/:\d*$/, '');
    const how = `If that is a name of it, see the option \`hosts\` (--allow-host ${name}).`;
    return `the rendezvous refused a request for the host "${name}". ${how}`;
  }
  if (status !== 403) return undefined;
  const name = plain(origin ?? '');
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/]+$/.test(name)) {
    const why = 'A page of a file or of a sandbox has no origin, and cannot be let in.';
    return `the rendezvous refused a page of the origin "${name}". ${why}`;
  }
  const how = `See the option \`origins\` (--origin ${name}).`;
  return `the rendezvous refused a page of the origin ${name}. ${how}`;
}

/** What a stranger wrote, for a log. */
function plain(text: string): string {
  return text.slice(0, 200).replace(/[^\x21-\x7e]/g, '?');
}
