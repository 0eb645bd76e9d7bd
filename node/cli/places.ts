import { rendezvousUrl } from '../../src/service/rendezvous.js';
import { checked } from './usage-error.js';

/** The option of those commands that look for services. */
export const rendezvousOption = { type: 'string', multiple: true } as const;

/** What `--rendezvous` says, as an option of a service. Throws a UsageError. */
export function readRendezvous(urls: readonly string[] | undefined): {
  rendezvous?: readonly string[];
} {
  return urls === undefined
    ? {}
    : { rendezvous: urls.map((url) => checked(() => rendezvousUrl(url))) };
}
