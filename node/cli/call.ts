import type { InstanceRecord } from '../../src/discovery/record.js';
import { DserviceError } from '../../src/errors.js';
import type { About } from '../../src/protocol/about.js';
import { parseQuery } from '../../src/service/name.js';
import { semverMatcher } from '../../src/service/range.js';
import { readArgument } from './argument.js';
import { type Command, exit } from './command.js';
import { faultText } from './fault.js';
import { toJsonText, toText } from './json.js';
import { isMethod, lookUp, methodLine, methodNames } from './methods.js';
import { readRendezvous, rendezvousOption } from './places.js';
import { parse, readMs, readReach } from './parse.js';
import { checked, UsageError } from './usage-error.js';
import type { Caller, World } from './world.js';

/** Longer than a service of another stack takes to be found, which is looked for after 2.5 s. */
const defaultWait = 5_000;
const defaultDeadline = 30_000;

interface Found {
  readonly api: object;
  readonly about: About;
  readonly instance: InstanceRecord;
}

export const call: Command = {
  name: 'call',
  usage: 'call [options] <name[@range]> [method [argument ...]]',
  summary: 'calls a method, or lists the methods',
  help: `  -s, --string      arguments are strings as they stand; without it, JSON where they are JSON
      --json        prints the outcome as one line of JSON, also if it is a string
      --deadline MS how long the call may take; ${defaultDeadline}
      --wait MS     how long it waits for an instance; ${defaultWait}
      --auth JSON   credentials, for a service that asks for them
      --reach R     local: this machine (the default, or what DSERVICE_REACH says); lan: the network
      --rendezvous URL
                    looks there too, as ws://127.0.0.1:4004; more than once for several

  dservice call greeter@^1 shout hello
  dservice call calculator add 1 2
  dservice call store put '{"sku": "a-1", "count": 3}'
  dservice call store admin.reset              a method inside of an object
  dservice call notes add -- --not-an-option

A classic function that takes a callback gets one: its first argument is the outcome. Strings are
printed as they are, all else as JSON: dates, URLs and regular expressions as strings, bytes in
base64, maps as objects, sets as arrays. Errors go to standard error as "code: message".

Exit codes: 0 the outcome was printed; 1 the call failed, or no instance was found; 2 wrong usage.
`,
  async run(args, world) {
    const { values, positionals } = parse(args, {
      string: { type: 'boolean', short: 's' },
      json: { type: 'boolean' },
      deadline: { type: 'string' },
      wait: { type: 'string' },
      auth: { type: 'string' },
      reach: { type: 'string' },
      rendezvous: rendezvousOption,
    });
    const [query, method, ...texts] = positionals;
    if (query === undefined) throw new UsageError('call needs the name of a service');
    checked(() => parseQuery(query, semverMatcher));
    const given = values.string === true ? texts : texts.map(readArgument);
    const reach = readReach(values.reach);
    const places = readRendezvous(values.rendezvous);
    const caller = checked(() =>
      world.caller({
        deadline: readMs('--deadline', values.deadline, defaultDeadline),
        wait: readMs('--wait', values.wait, defaultWait),
        ...places,
        logger: { warn: (message) => world.output.err(`${message}\n`) },
        ...(reach === undefined ? {} : { reach }),
        ...(values.auth === undefined ? {} : { auth: readArgument(values.auth) }),
      }),
    );
    const json = values.json === true;
    try {
      const found = await find(caller, query);
      if (method === undefined) listMethods(found, json, world);
      else print(await invoke(found, method, given), json, world);
      return exit.done;
    } catch (error) {
      world.output.err(`${faultText(error)}\n`);
      return exit.failed;
    } finally {
      await caller.stop(0);
    }
  },
};

/** One instance, connected, and what its api really has. */
function find(caller: Caller, query: string): Promise<Found> {
  return new Promise((resolve, reject) => {
    caller.dnodeFor<object>(query, (error, api, d) => {
      if (error === null && api !== undefined && d !== undefined) {
        resolve({ api, about: d.session.about, instance: d.instance });
      } else reject(error ?? new DserviceError('ERR_NO_INSTANCE', `no instance of ${query}`));
    });
  });
}

async function invoke(found: Found, method: string, args: readonly unknown[]): Promise<unknown> {
  const target = lookUp(found.api, method);
  if (isMethod(target)) return await target(...args);
  throw new DserviceError('ERR_METHOD', missing(found, method, target), { mayHaveRun: false });
}

function missing({ api, instance }: Found, method: string, target: unknown): string {
  const service = `${instance.name}@${instance.version}`;
  const names = methodNames(api);
  const inner = names.filter((name) => name.startsWith(`${method}.`));
  if (inner.length > 0) return `"${method}" of ${service} has methods inside: ${inner.join(', ')}`;
  if (target !== undefined)
    return `"${method}" of ${service} is no method but ${toJsonText(target)}`;
  const has = names.length === 0 ? 'no methods at all' : `only ${names.join(', ')}`;
  return `${service} has no method "${method}", ${has}`;
}

function listMethods(found: Found, json: boolean, { output }: World): void {
  const { api, about, instance } = found;
  const names = methodNames(api);
  if (json) {
    const methods = names.map((name) => ({ name, ...about.get(name) }));
    output.out(`${JSON.stringify(methods)}\n`);
  } else for (const name of names) output.out(`${methodLine(name, about.get(name))}\n`);
  if (names.length === 0) output.err(`${instance.name}@${instance.version} has no methods\n`);
}

/** Strings are printed as they are: the user asked for them, as of `cat`. */
function print(outcome: unknown, json: boolean, { output }: World): void {
  const text = json ? toJsonText(outcome) : toText(outcome);
  if (outcome === undefined && !json) return;
  output.out(text.endsWith('\n') ? text : `${text}\n`);
}
