// For tests only: a program that runs in a network namespace and does what it is told by lines of JSON.
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import type { Announcement } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { nodeClock } from '../clock.js';
import { mdns, type MdnsOptions } from './mdns.js';

export type AgentCommand =
  | { readonly do: 'open'; readonly options: Omit<MdnsOptions, 'clock'> }
  | { readonly do: 'browse'; readonly name?: string }
  | { readonly do: 'announce' | 'update'; readonly record: InstanceRecord }
  | { readonly do: 'withdraw'; readonly id: string }
  | { readonly do: 'close' }
  | { readonly do: 'heap' }
  | { readonly do: 'raw'; readonly packets: readonly string[]; readonly times: number; readonly from: string };

/** Events of the discovery, `degraded` when that changes, and `done` when a command is. */
export type AgentLine = Readonly<Record<string, unknown>>;

const say = (line: AgentLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
const announcements = new Map<string, Announcement>();
let discovery: ReturnType<typeof mdns> | undefined;

async function run(command: AgentCommand): Promise<AgentLine> {
  switch (command.do) {
    case 'open':
      discovery = mdns({ ...command.options, clock: nodeClock });
      discovery.onDegraded((reason) => say({ degraded: reason?.message ?? null }));
      return {};
    case 'browse':
      discovery?.browse(command.name, (event) => say({ ...event }));
      return {};
    case 'announce': {
      const announcement = discovery?.announce(command.record);
      if (announcement !== undefined) announcements.set(command.record.id, announcement);
      return {};
    }
    case 'update':
      announcements.get(command.record.id)?.update(command.record);
      return {};
    case 'withdraw':
      await announcements.get(command.id)?.withdraw();
      return {};
    case 'close':
      await discovery?.close();
      return {};
    case 'heap':
      globalThis.gc?.();
      return { heap: process.memoryUsage().heapUsed + process.memoryUsage().external };
    case 'raw':
      return { sent: await sendRaw(command.packets, command.times, command.from) };
  }
}

/** Sends packets (base64) to the group as fast as the socket takes them. */
async function sendRaw(packets: readonly string[], times: number, from: string): Promise<number> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  await new Promise<void>((resolve) => socket.bind(5353, '0.0.0.0', resolve));
  socket.setMulticastInterface(from);
  socket.setMulticastTTL(255);
  const buffers = packets.map((packet) => Buffer.from(packet, 'base64'));
  for (let i = 0; i < times; i++) {
    for (const buffer of buffers) {
      await new Promise<void>((resolve) => socket.send(buffer, 5353, '224.0.0.251', () => resolve()));
    }
  }
  socket.close();
  return times * buffers.length;
}

// stdin keeps it alive, and its end ends it: so no agent outlives its test.
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  // What the test sends is a command.
  const command = JSON.parse(line) as AgentCommand;
  void run(command).then((result) => say({ done: command.do, ...result }));
});
lines.on('close', () => process.exit(0));
