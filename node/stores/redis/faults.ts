import { DserviceError } from '../../../src/errors.js';

/**
 * What an answer of Redis, or the lack of one, means: `script` (it does not know the script), `away` (it may be done
 * later, here or on another node), or an error that trying again does not mend.
 */
export type Fault =
  | { readonly kind: 'script' }
  | { readonly kind: 'away'; readonly error: DserviceError; readonly elsewhere: boolean }
  | { readonly kind: 'final'; readonly error: DserviceError };

const passing = /^(LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|UNBLOCKED)\b/;
const moved =
  /^(MOVED|ASK)\b|Too many Cluster redirections|Cannot find node|root nodes are unavailable/;

export function faultOf(thrown: unknown): Fault {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (text.startsWith('NOSCRIPT')) return { kind: 'script' };
  if (moved.test(text)) return away('AWAY', text, thrown, true);
  if (!isReply(thrown)) {
    // An argument that cannot be sent is a fault of ours; all else is the connection's.
    return thrown instanceof TypeError
      ? final('ERR_STORE', text, thrown)
      : away('AWAY', text, thrown, false);
  }
  if (passing.test(text)) return away('AWAY', text, thrown, false);
  // A master that has become a replica says so until the clients know of the new one.
  if (/\bREADONLY\b/.test(text)) return away('READ_ONLY', text, thrown, true);
  if (/\bOOM command not allowed|\bMISCONF\b/.test(text))
    return final('ERR_STORE_FULL', text, thrown);
  if (/\bWRONGTYPE\b|^CORRUPT\b|\bhash value is not an integer/.test(text)) {
    return final('ERR_STORE_CORRUPT', text, thrown);
  }
  if (/^STATE\b/.test(text)) return final('ERR_STATE', 'the operation is over', thrown);
  return final('ERR_STORE', text, thrown);
}

/** Whether Redis has answered, with an error. Recognised by name: the client is not imported here. */
function isReply(thrown: unknown): boolean {
  for (let at: unknown = thrown; at instanceof Error; at = Object.getPrototypeOf(at)) {
    if (at.constructor.name === 'ErrorReply') return true;
  }
  return false;
}

function away(kind: 'AWAY' | 'READ_ONLY', text: string, cause: unknown, elsewhere: boolean): Fault {
  const error = new DserviceError(`ERR_STORE_${kind}`, `redis: ${text}`, { cause });
  return { kind: 'away', error, elsewhere };
}

function final(
  code: 'ERR_STORE' | 'ERR_STORE_FULL' | 'ERR_STORE_CORRUPT' | 'ERR_STATE',
  text: string,
  cause: unknown,
): Fault {
  return { kind: 'final', error: new DserviceError(code, `redis: ${text}`, { cause }) };
}
