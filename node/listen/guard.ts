import type { IncomingMessage } from 'node:http';
import { createCheck, type GuardRules, type Refusal } from '../../src/http/guard.js';

export type { Refusal };

export interface GuardOptions extends GuardRules {
  /** Told of each request that is refused. */
  readonly onRefused?: ((refusal: Refusal, request: IncomingMessage) => void) | undefined;
}

export type Guard = (request: IncomingMessage) => Refusal | undefined;

/** The check that every request passes: that of src/http/guard.ts. Throws ERR_OPTION. */
export function createGuard(options: GuardOptions): Guard {
  const check = createCheck(options);
  return (request) => {
    const { host, origin, 'content-type': type } = request.headersDistinct;
    const refusal = check({
      method: request.method ?? '',
      ...{ host: only(host), origin: only(origin), type: only(type) },
      local: localName(request),
    });
    if (refusal !== undefined) options.onRefused?.(refusal, request);
    return refusal;
  };
}

/** A header's value. What came twice is nothing that anybody allows. */
function only(values: readonly string[] | undefined): string | undefined {
  return values?.join(', ');
}

/** The address that this connection came to. */
function localName(request: IncomingMessage): string | undefined {
  const address = request.socket.localAddress?.replace(/^::ffff:/, '');
  return address?.includes(':') ? `[${address}]` : address;
}
