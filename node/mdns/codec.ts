import { isIPv4, isIPv6 } from 'node:net';
import type { Answer, DecodedPacket, Packet, Question as PacketQuestion } from 'dns-packet';
import { canonicalAddress } from './interfaces.js';
import type { Message, Question, Rr } from './message.js';

// A question whose top class bit is set; the library leaves it as a class of its own.
const inUnicast = 'UNKNOWN_32769';
const known = new Set(['A', 'AAAA', 'PTR', 'SRV', 'TXT', 'NSEC', 'ANY']);

/**
 * The fewest bytes that what a header promises can take: a question is a name, type and class, a
 * record has a TTL and a length beside. A packet that promises more than it holds is refused
 * before anything is allocated for it.
 */
export function isPlausible(packet: Uint8Array, maxBytes = 9000): boolean {
  // RFC 6762 §17: a packet is at most 9000 bytes, headers included.
  if (packet.length < 12 || packet.length > maxBytes) return false;
  const count = (at: number) => ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
  return 12 + count(4) * 5 + (count(6) + count(8) + count(10)) * 11 <= packet.length;
}

/** Undefined for what is to be ignored: other opcodes, and errors (RFC 6762 §18.3, §18.11). */
export function fromPacket(packet: DecodedPacket): Message | undefined {
  const flags = packet.flags ?? 0;
  if ((flags & 0x7800) !== 0 || (flags & 0x000f) !== 0) return undefined;
  return {
    response: packet.type === 'response',
    id: packet.id ?? 0,
    truncated: packet.flag_tc,
    questions: (packet.questions ?? []).flatMap(fromQuestion),
    answers: (packet.answers ?? []).flatMap(fromAnswer),
    authorities: (packet.authorities ?? []).flatMap(fromAnswer),
    additionals: (packet.additionals ?? []).flatMap(fromAnswer),
  };
}

function fromQuestion(question: PacketQuestion): Question[] {
  // The types of the library name no class beside the five known; it makes others up.
  const klass: string = question.class ?? 'IN';
  if (klass !== 'IN' && klass !== 'ANY' && klass !== inUnicast) return [];
  return [
    {
      name: question.name,
      // `known` holds exactly the names of that type.
      type: known.has(question.type) ? (question.type as Question['type']) : 'OTHER',
      unicast: klass === inUnicast,
    },
  ];
}

function fromAnswer(answer: Answer): Rr[] {
  if (answer.type === 'OPT' || (answer.class !== undefined && answer.class !== 'IN')) return [];
  const base = { name: answer.name, ttl: answer.ttl ?? 0, flush: answer.flush ?? false };
  switch (answer.type) {
    case 'A':
      return isIPv4(answer.data) ? [{ ...base, type: 'A', data: answer.data }] : [];
    case 'AAAA':
      return isIPv6(answer.data)
        ? [{ ...base, type: 'AAAA', data: canonicalAddress(answer.data) }]
        : [];
    case 'PTR':
      return [{ ...base, type: 'PTR', data: answer.data }];
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = answer.data;
      return [{ ...base, type: 'SRV', data: { priority, weight, port, target } }];
    }
    case 'TXT': {
      const parts = Array.isArray(answer.data) ? answer.data : [answer.data];
      // Copies: a slice would keep the whole packet in memory for as long as the record is.
      return [
        { ...base, type: 'TXT', data: parts.map((part) => Uint8Array.from(Buffer.from(part))) },
      ];
    }
    case 'NSEC':
      return [{ ...base, type: 'NSEC', data: answer.data.rrtypes }];
    default:
      return [];
  }
}

const authoritative = 0x0400;
const truncated = 0x0200;

export function toPacket(message: Message): Packet {
  return {
    type: message.response ? 'response' : 'query',
    id: message.id,
    flags: (message.response ? authoritative : 0) | (message.truncated ? truncated : 0),
    questions: message.questions.flatMap(({ name, type }) =>
      // ANY is missing in the types of the library, which does know it.
      type === 'OTHER' ? [] : [{ name, type: type as PacketQuestion['type'] }],
    ),
    answers: message.answers.map(toAnswer),
    authorities: message.authorities.map(toAnswer),
    additionals: message.additionals.map(toAnswer),
  };
}

function toAnswer(rr: Rr): Answer {
  const base = { name: rr.name, ttl: rr.ttl, flush: rr.flush, class: 'IN' } as const;
  switch (rr.type) {
    case 'TXT':
      return { ...base, type: 'TXT', data: rr.data.map((part) => Buffer.from(part)) };
    case 'NSEC':
      return {
        ...base,
        type: 'NSEC',
        data: { nextDomain: rr.name, rrtypes: [...rr.data] },
      };
    case 'SRV':
      return { ...base, type: 'SRV', data: rr.data };
    default:
      return { ...base, type: rr.type, data: rr.data };
  }
}
