import { writeAbout } from './about.js';
import { readableApi } from './api.js';
import type { Hello } from './hello.js';
import { ascii } from './ascii.js';
import type { Wire } from './wire.js';

/** Longer lines are measured by who reads them: what is told of methods must not make one so long. */
const short = 64 * 1024;

/** As `sendMethods`, where the peer is not told: functions of the api are known as its methods all the same. */
export function tellNobody(wire: Wire, api: object): void {
  wire.encodeApi(readableApi(api));
}

/**
 * Writes `methods`: our api, and what is known of it, for whom it may interest. The first carries our
 * hello. Throws what cannot be sent.
 */
export function sendMethods(wire: Wire, api: object, hello?: Hello): void {
  const readable = readableApi(api);
  const line = `{"method":"methods","arguments":${wire.encodeApi(readable)}`;
  if (hello === undefined) {
    const about = wire.plain ? '' : writeAbout(readable, short - 3 * line.length);
    return wire.write(`${line}${about}}`);
  }
  const first = ascii(`${line},"dservice":${JSON.stringify(hello)}`);
  const about = writeAbout(readable, Math.min(short, wire.limits.firstLine) - first.length - 1);
  wire.writeFirst(`${first}${about}}`);
}
