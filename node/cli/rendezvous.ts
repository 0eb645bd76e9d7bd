import { readFile } from 'node:fs/promises';
import type { TlsOptions } from 'node:tls';
import { DserviceError } from '../../src/errors.js';
import type { RendezvousOptions } from '../rendezvous/options.js';
import type { Rendezvous } from '../rendezvous/rendezvous.js';
import { type Command, exit } from './command.js';
import { faultText } from './fault.js';
import { parse, readPort, readReach } from './parse.js';
import { UsageError } from './usage-error.js';
import type { World } from './world.js';

const defaultPort = 4004;

export const rendezvous: Command = {
  name: 'rendezvous',
  usage: 'rendezvous [options]',
  summary: 'runs a rendezvous, where pages and programs find each other',
  help: `      --port N          ${defaultPort}; 0 takes any that is free
      --host H          address to listen on, other than --reach says
      --reach R         local: this machine (the default, or DSERVICE_REACH); lan: the network
      --mdns            pages find services on the air, and those find pages
      --origin O        lets pages of this origin in, as https://app.example.org; without it,
                        pages of this machine. More than once for several
      --allow-host H    a name that it is known by, as app.example.org; more than once for several
      --tls-cert FILE   speaks TLS: the certificate, with its chain, as PEM
      --tls-key FILE    the key, as PEM
      --quiet           does not print where it listens

Then, in a page of this machine or in a program:

  dservice({ rendezvous: 'ws://127.0.0.1:${defaultPort}' })

It runs until Ctrl-C or SIGTERM. Then it asks its clients to go elsewhere and carries what is under
way, 10 s at most; a second signal ends it at once. GET /health tells how it is doing, as JSON.

Exit codes: 1 it could not listen; 2 wrong usage; by a signal that signal's: 130 by Ctrl-C, 143.
`,
  async run(args, world) {
    const { values, positionals } = parse(args, {
      ...{ port: { type: 'string' }, host: { type: 'string' }, reach: { type: 'string' } },
      ...{ mdns: { type: 'boolean' }, quiet: { type: 'boolean' } },
      origin: { type: 'string', multiple: true },
      'allow-host': { type: 'string', multiple: true },
      ...{ 'tls-cert': { type: 'string' }, 'tls-key': { type: 'string' } },
    });
    if (positionals.length > 0) throw new UsageError(`rendezvous takes options only`);
    const reach = readReach(values.reach);
    const port = readPort('--port', values.port, defaultPort);
    const tls = await readTls(values['tls-cert'], values['tls-key']);
    const { host, mdns = false, origin, 'allow-host': hosts, quiet } = values;
    const running = await open(world, {
      ...{ port, mdns },
      ...(host === undefined ? {} : { host }),
      ...(reach === undefined ? {} : { reach }),
      ...(origin === undefined ? {} : { origins: origin }),
      ...(hosts === undefined ? {} : { hosts }),
      ...(tls === undefined ? {} : { tls }),
      logger: { warn: (message) => world.output.err(`${message}\n`) },
    });
    if (quiet !== true) {
      const air = mdns ? ', joined with multicast DNS' : '';
      world.output.out(`rendezvous at ${running.urls.join(' ')}${air}\n`);
    }
    // A signal stops it, and then ends the process as if it had not been caught.
    await running.closed;
    return exit.done;
  },
};

/** What is wrong with an option is known only by the one who uses it. */
async function open(world: World, options: RendezvousOptions): Promise<Rendezvous> {
  try {
    return await world.rendezvous(options);
  } catch (error) {
    if (!DserviceError.is(error) || error.code !== 'ERR_OPTION') throw error;
    throw new UsageError(faultText(error), { cause: error });
  }
}

async function readTls(cert?: string, key?: string): Promise<TlsOptions | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError('--tls-cert and --tls-key go together');
  }
  return { cert: await readFile(cert), key: await readFile(key) };
}
