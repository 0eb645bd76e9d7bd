// Many clients of a rendezvous in one process. Each has a WebSocket and a session of its own, says an Origin as
// a page does, announces one service that can be dialled, and browses all names, in the form that the package's own
// clients ask for. Unlike them it counts what it hears and keeps none of it: so that the machine has room for
// thousands.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { dial } from 'dservice/node';
import WebSocket from 'ws';

/** Clients of one address, since a listener takes no more than a thousand. */
const neighbours = 200;

const clients = [];
/** By the version that a change says: how many have heard of it, and when the last one did. */
const changes = new Map();

/** Milliseconds on a clock that all processes of this machine share. */
const now = () => performance.timeOrigin + performance.now();

/** Clients number `from` to `from + count`, `atOnce` of them at a time; resolves with how often one had to try again. */
export async function join(url, from, count, atOnce) {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  let failures = 0;
  const joiner = async () => {
    for (let number; (number = numbers.shift()) !== undefined;) {
      for (;;) {
        try {
          clients.push(await joinOne(url, number));
          break;
        } catch (error) {
          // As all clients do.
          if (++failures > count) throw error;
          await setTimeout(250 * Math.random());
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, joiner));
  return failures;
}

async function joinOne(url, number) {
  const ws = new WebSocket(url, {
    origin: 'http://127.0.0.1:8080',
    perMessageDeflate: false,
    localAddress: `127.0.1.${1 + Math.floor(number / neighbours)}`,
  });
  const remote = await dial(ws);
  const record = {
    id: createHash('sha256').update(`client ${number}`).digest('hex').slice(0, 16),
    name: `tab-${number}`,
    version: '1.0.0',
    endpoints: [],
    state: 'up',
    relies: [],
  };
  const client = { remote, record, known: 0 };
  const key = randomBytes(16).toString('hex');
  client.announcement = await remote.announce(record, key, () => {
    throw new Error('nobody is to dial here');
  });
  client.stop = await remote.browse(null, (told, about) => hear(client, told, about), 'text');
  return client;
}

function hear(client, told, { first = false }) {
  if (first) client.known = 0;
  for (const { type, record } of eventsOf(told)) {
    if (type === 'up') client.known++;
    if (type === 'down') client.known--;
    if (type !== 'update') continue;
    const change = changes.get(record.version) ?? { heard: 0, last: 0 };
    change.heard++;
    change.last = now();
    changes.set(record.version, change);
  }
}

let last = { told: '[]', events: [] };

/** Most hear the same as the one before. */
function eventsOf(told) {
  if (told !== last.told) last = { told, events: JSON.parse(told) };
  return last.events;
}

/** Resolves when every client here knows `count` records. */
export async function allKnow(count) {
  while (clients.some(({ known }) => known < count)) {
    await setTimeout(20);
  }
}

/** The first client here says another version; resolves with when. */
export async function change(version) {
  const [{ announcement, record }] = clients;
  const began = now();
  await announcement.update({ ...record, version });
  return began;
}

/** Resolves with when the last client here heard of that version. */
export async function heard(version) {
  while ((changes.get(version)?.heard ?? 0) < clients.length) {
    await setTimeout(5);
  }
  return changes.get(version).last;
}
