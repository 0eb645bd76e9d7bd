import type { Channel } from '../../src/channel/channel.js';
import type { Discovery } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { DserviceError } from '../../src/errors.js';
import { formatCycle } from '../../src/service/cycle.js';
import { cycleOf, stuckInstances } from '../../src/service/cycles.js';
import { formatQuery, matches, type Query } from '../../src/service/name.js';
import { semverMatcher } from '../../src/service/range.js';
import type { Reach } from '../../src/service/service-options.js';
import { faultText } from './fault.js';
import { partsOf } from './look.js';
import { nearNames } from './near-names.js';
import type { Net } from './net.js';
import { graphOf, isIn, unmetOf } from './service-graph.js';
import { absence } from './tree-view.js';

/** One thing that was looked at. */
export interface Step {
  readonly good: boolean;
  readonly text: string;
  /** What to do where it is not good. */
  readonly advice?: string;
  /** It is an endpoint, and the service can be reached there. */
  readonly reached?: boolean;
}

export interface Patient {
  readonly query: Query;
  readonly reach: Reach;
  readonly discovery: Discovery;
  readonly net: Net;
  /** The rendezvous that were named. */
  readonly places: readonly string[];
  readonly auth: unknown;
  /** All that is on the air. */
  look(): Promise<InstanceRecord[]>;
}

const good = (text: string): Step => ({ good: true, text });
const bad = (text: string, advice: string): Step => ({ good: false, text, advice });

/**
 * Why a service cannot be found or reached, from the outside in: interfaces, multicast, rendezvous, names,
 * versions, states, endpoints. It ends where there is nothing further to look at.
 */
export async function* examine(patient: Patient): AsyncGenerator<Step> {
  const { query, discovery } = patient;
  let advice: string | undefined;
  for await (const step of theAir(patient)) {
    advice ??= step.advice;
    yield step;
  }
  const records = await patient.look();
  for (const step of theParts(discovery, patient.places)) {
    advice ??= step.advice;
    yield step;
  }
  const named = records.filter(({ name }) => name === query.name);
  // Where one cannot hear, that is why nothing is heard.
  if (named.length === 0) {
    const step = unseen(query, records, patient.reach);
    yield { ...step, advice: advice ?? step.advice ?? '' };
    return;
  }
  yield good(`${query.name} is on the air: ${countOf(named)}`);
  const inRange = named.filter((record) => matches(query, record, semverMatcher));
  if (inRange.length === 0) yield outOfRange(query, named);
  else if (query.range !== undefined)
    yield good(`${versionsOf(inRange)} in the range ${query.range}`);
  for (const record of inRange) yield stateOf(record, records);
  for (const record of inRange) {
    if (record.state === 'up') yield* theEndpoints(record, patient);
  }
}

/** Whether this machine can multicast, and where. */
async function* theAir({ net, reach }: Patient): AsyncGenerator<Step> {
  const interfaces = net.interfaces(reach);
  const beyond = interfaces.filter(({ loopback }) => !loopback);
  const names = interfaces.map(({ name, v4 }) => `${name} ${v4.join(' ')}`).join(', ');
  const where = reach === 'local' ? 'this machine only' : 'the network';
  if (interfaces.length === 0 || (reach === 'lan' && beyond.length === 0)) {
    const text = `looks at ${where}: no interface has an IPv4 address${names && ` but ${names}`}`;
    yield bad(text, 'bring a network interface up; multicast DNS needs one with an IPv4 address');
  } else yield good(`looks at ${where}: ${names}`);
  for (const iface of interfaces) {
    const why = await net.multicast(iface);
    if (why === undefined) yield good(`multicast is heard on ${iface.name}`);
    else {
      const text = `multicast is not heard on ${iface.name}: ${why.message}`;
      yield bad(
        text,
        'multicast is blocked here (a firewall, a container, a VPN): let UDP port 5353 pass, or meet at a rendezvous',
      );
    }
  }
}

const meet = 'start the rendezvous (dservice rendezvous), or give its right URL';

/** How each of the discoveries does. */
function* theParts(discovery: Discovery, places: readonly string[]): Generator<Step> {
  let count = 0;
  for (const { kind, degraded } of partsOf(discovery)) {
    const place = kind === 'rendezvous' ? (places[count++] ?? '') : '';
    const what = place === '' ? kind : `${kind} ${place}`;
    if (degraded === undefined) yield good(`${what} works`);
    // It names its place itself.
    else if (kind === 'rendezvous') yield bad(degraded.message, meet);
    else yield bad(`${what}: ${degraded.message}`, 'see what it says of the interface');
  }
}

function unseen(query: Query, records: readonly InstanceRecord[], reach: Reach): Step {
  const names = new Set(records.map(({ name }) => name));
  const [near] = nearNames(query.name, names);
  const there = names.size === 0 ? 'nothing else either' : `there is ${list([...names])}`;
  const text = `nothing named ${query.name} is on the air; ${there}`;
  const farther =
    reach === 'local'
      ? 'if it runs on another machine, start it with reach "lan", and look with --reach lan'
      : 'a service with reach "local", which is the default, is seen on its own machine only: start it with reach "lan"';
  const question = near === undefined ? '' : `did you mean ${near}? If not, `;
  return bad(text, `${question}is it running? ${farther}`);
}

function outOfRange(query: Query, named: readonly InstanceRecord[]): Step {
  const text = `no version is in the range ${query.range}: ${versionsOf(named)}`;
  const newest = named.at(-1)?.version ?? '';
  const start = `start a version in the range, or ask for one that is there: ${query.name}@${newest}`;
  // A range without a prerelease takes none.
  const pre = /^\d+\.\d+\.\d+-/.test(newest);
  return bad(text, pre ? `${start}; a prerelease is only in a range that names one` : start);
}

function stateOf(record: InstanceRecord, records: readonly InstanceRecord[]): Step {
  const { state, degraded } = record;
  const what = `${record.name}@${record.version} (${record.id}) is ${state}`;
  if (state === 'draining')
    return bad(`${what}: it finishes what runs, and leaves`, 'start another');
  const unmet = graphOf(records)
    .filter(({ instances }) => instances.includes(record))
    .flatMap(unmetOf);
  const lacks = unmet.map((it) => `${formatRely(it.rely)} (${absence(it)})`).join(', ');
  if (state === 'up') {
    return good(
      degraded === true ? `${what}, but degraded: it lost ${lacks || 'something'}` : what,
    );
  }
  const cycle = cycleOf(record.id, stuckInstances(records, isIn));
  if (cycle !== undefined) {
    const text = `${what}: these wait for each other: ${formatCycle(cycle)}`;
    return bad(text, 'make one dependency of the circle optional: rely(name, { optional: true })');
  }
  return bad(
    `${what} for ${lacks || 'what is not announced'}`,
    'start what it waits for; see dservice tree',
  );
}

async function* theEndpoints(record: InstanceRecord, patient: Patient): AsyncGenerator<Step> {
  if (record.endpoints.length === 0) {
    yield bad(
      `${record.version} (${record.id}) has no endpoint`,
      'it can be reached by a rendezvous only: name that with --rendezvous',
    );
  }
  for (const endpoint of record.endpoints) yield await theEndpoint(endpoint, record, patient);
}

async function theEndpoint(
  endpoint: string,
  record: InstanceRecord,
  { discovery, net, reach, auth }: Patient,
): Promise<Step> {
  const carried = discovery.reaches?.(endpoint) === true;
  if (!carried && !net.reachable(endpoint, reach)) {
    const text = `${endpoint} is out of the reach "${reach}" of who calls`;
    return bad(text, 'look with --reach lan, and give reach "lan" to who calls it');
  }
  try {
    const there = await net.knock(carried ? await carry(endpoint, discovery) : endpoint, auth);
    if (there === undefined) {
      return { ...good(`${endpoint} answers, and does not say who it is`), reached: true };
    }
    const who = `${there.name}@${there.version} (${there.id})`;
    const { id, name, version } = record;
    if (there.id === id && there.name === name && there.version === version) {
      return { ...good(`${endpoint} answers: ${who}`), reached: true };
    }
    const advice =
      'the announcement is old, or wrong: what vanished without a word is forgotten after two minutes';
    return bad(`${endpoint}: ${who} answers there, not ${name}@${version} (${id})`, advice);
  } catch (error) {
    return bad(`${endpoint}: ${faultText(error)}`, adviceFor(error, auth !== undefined));
  }
}

async function carry(endpoint: string, discovery: Discovery): Promise<Channel> {
  const channel = await discovery.connect?.(endpoint, { timeout: 3_000 });
  if (channel !== undefined) return channel;
  throw new DserviceError('ERR_CONNECT', 'no rendezvous carries there');
}

function adviceFor(error: unknown, hasAuth: boolean): string {
  switch (DserviceError.is(error) ? error.code : undefined) {
    case 'ERR_AUTH':
      return hasAuth
        ? 'it did not take these credentials'
        : 'it asks for credentials: --auth here, the option `auth` of who calls';
    case 'ERR_TIMEOUT':
      return 'it is there and says nothing: a program that hangs or is suspended, or a firewall that drops packets';
    case 'ERR_CONNECT':
      return 'nobody listens there, or not for us: it may have died without a word (forgotten after two minutes), a firewall may refuse, or a certificate is not trusted';
    default:
      return 'see docs/errors.md for the code';
  }
}

function countOf(records: readonly InstanceRecord[]): string {
  const count = records.length === 1 ? '1 instance' : `${records.length} instances`;
  return `${count}, ${versionsOf(records)}`;
}

function versionsOf(records: readonly InstanceRecord[]): string {
  return list([...new Set(records.map(({ version }) => version))]);
}

/** A few of them, and how many more. */
function list(names: readonly string[]): string {
  const more = names.length - 8;
  return names.slice(0, 8).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function formatRely({ name, range }: { name: string; range: string }): string {
  return formatQuery({ name, range: range === '' ? undefined : range });
}
