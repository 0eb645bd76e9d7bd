import { canonical } from './names.js';

/** What is asked for. Types we do not know are read as `OTHER`, and match nothing. */
export interface Question {
  readonly name: string;
  readonly type: RrType | 'ANY' | 'OTHER';
  /** The asker would like the answer by unicast (RFC 6762 §5.4). */
  readonly unicast?: boolean;
}

interface RrBase {
  readonly name: string;
  /** Seconds; 0 says goodbye. */
  readonly ttl: number;
  /** The cache-flush bit: these are all records of this name and type (RFC 6762 §10.2). */
  readonly flush: boolean;
}

export interface AddressRr extends RrBase {
  readonly type: 'A' | 'AAAA';
  readonly data: string;
}
export interface PtrRr extends RrBase {
  readonly type: 'PTR';
  readonly data: string;
}
export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}
export interface SrvRr extends RrBase {
  readonly type: 'SRV';
  readonly data: SrvData;
}
export interface TxtRr extends RrBase {
  readonly type: 'TXT';
  /** The strings of the record, each at most 255 bytes. */
  readonly data: readonly Uint8Array[];
}
export interface NsecRr extends RrBase {
  readonly type: 'NSEC';
  /** The types that this name has; it has no others (RFC 6762 §6.1). */
  readonly data: readonly string[];
}

/** A resource record, of the types that service discovery uses. */
export type Rr = AddressRr | PtrRr | SrvRr | TxtRr | NsecRr;
export type RrType = Rr['type'];

/** A DNS message, as far as it matters here. Records of other types are not in it. */
export interface Message {
  readonly response: boolean;
  /** 0 but in queries of, and answers to, simple resolvers (RFC 6762 §6.7). */
  readonly id: number;
  /** More known answers follow in another packet (RFC 6762 §7.2). */
  readonly truncated: boolean;
  readonly questions: readonly Question[];
  readonly answers: readonly Rr[];
  readonly authorities: readonly Rr[];
  readonly additionals: readonly Rr[];
}

export function makeMessage(part: Partial<Message>): Message {
  return {
    response: false,
    id: 0,
    truncated: false,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
    ...part,
  };
}

/** Names and type of a set of records: those that one cache-flush bit speaks of. */
export function setKey(name: string, type: string): string {
  return `${type} ${canonical(name)}`;
}

/** Equal for records that say the same, whatever their TTL and flush bit. */
export function rrKey(rr: Rr): string {
  return `${setKey(rr.name, rr.type)} ${dataKey(rr)}`;
}

function dataKey(rr: Rr): string {
  switch (rr.type) {
    case 'A':
    case 'AAAA':
      return rr.data;
    case 'PTR':
      return canonical(rr.data);
    case 'SRV':
      return `${rr.data.priority} ${rr.data.weight} ${rr.data.port} ${canonical(rr.data.target)}`;
    case 'TXT':
      return rr.data.map((part) => Buffer.from(part).toString('base64')).join(' ');
    case 'NSEC':
      return rr.data.join(' ');
  }
}

/** Bytes that a record takes in a packet: names are not compressed. */
export function rrSize(rr: Rr): number {
  return Buffer.byteLength(rr.name) + 12 + dataSize(rr);
}

function dataSize(rr: Rr): number {
  switch (rr.type) {
    case 'A':
      return 4;
    case 'AAAA':
      return 16;
    case 'PTR':
      return Buffer.byteLength(rr.data) + 2;
    case 'SRV':
      return Buffer.byteLength(rr.data.target) + 8;
    case 'TXT':
      return rr.data.reduce((sum, part) => sum + part.length + 1, 0);
    case 'NSEC':
      return Buffer.byteLength(rr.name) + 2 + 8;
  }
}

export function questionSize(question: Question): number {
  return Buffer.byteLength(question.name) + 6;
}

/** Whether a record answers a question. */
export function answers(question: Question, rr: Rr): boolean {
  return (
    (question.type === rr.type || question.type === 'ANY') &&
    canonical(question.name) === canonical(rr.name)
  );
}
