import { checkRelies } from '../discovery/check-record.js';
import type { InstanceRecord, Rely } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import { Connection } from './connection.js';
import { Dialer, type DialerOptions } from './dialer.js';

/** Milliseconds that it may take. */
const patience = 5_000;

/**
 * Asks an instance what it relies on, in whatever state it is, over a connection for that alone. Credentials are not
 * shown: it may be anybody. Rejects with ERR_CONNECT where none is made, another one answers, or it
 * cannot be asked, with ERR_TIMEOUT, ERR_AUTH, and with ERR_DATA, ERR_NAME for an answer that is none.
 */
export async function askRelies(
  record: InstanceRecord,
  dialing: DialerOptions<unknown>,
): Promise<readonly Rely[]> {
  const { clock } = dialing.runtime;
  const { tls } = dialing.options;
  const dialer = new Dialer({ ...dialing, options: tls === undefined ? {} : { tls } });
  const connection = new Connection(record, {
    ...{ clock, idle: patience },
    open: (endpoint, others) => dialer.open(record, endpoint, others),
    usable: ({ endpoints }) => endpoints.filter((endpoint) => dialer.reachable(endpoint)),
    onChange: () => {},
  });
  let stopTimer = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const text = `${record.name} did not say within ${patience} ms what it relies on`;
    // It keeps the process alive: somebody waits.
    stopTimer = clock.after(patience, () => reject(new DserviceError('ERR_TIMEOUT', text)));
  });
  try {
    return await Promise.race([ask(connection), late]);
  } finally {
    stopTimer();
    connection.abandon();
  }
}

async function ask(connection: Connection): Promise<readonly Rely[]> {
  const session = await connection.open();
  // A plain dnode peer may be anybody; of one that says who it is, the connection has made sure.
  const answer = session.hello?.service && (await session.ask?.('relies', { deadline: patience }));
  if (answer !== undefined) return checkRelies(answer);
  throw new DserviceError('ERR_CONNECT', 'who answers there cannot be asked');
}
