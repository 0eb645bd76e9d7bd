import {
  makeMessage,
  questionSize,
  rrKey,
  rrSize,
  type Message,
  type Question,
  type Rr,
} from './message.js';

/** Bytes of a packet that an Ethernet frame holds, with room for the headers (RFC 6762 §17). */
export const packetSize = 1440;
const headerSize = 12;

/** Records that belong together: in one packet if they fit. */
export interface Group {
  readonly answers: readonly Rr[];
  readonly additionals: readonly Rr[];
}

/**
 * Responses that carry these groups: none larger than a packet, but for a single record that does
 * not fit (it is fragmented by IP then, RFC 6762 §17). No record twice in a packet.
 */
export function packGroups(groups: readonly Group[]): Message[] {
  const messages: Message[] = [];
  let answers = new Map<string, Rr>();
  let additionals = new Map<string, Rr>();
  let size = headerSize;
  const flush = () => {
    if (answers.size === 0) return;
    for (const key of answers.keys()) additionals.delete(key);
    messages.push(
      makeMessage({
        response: true,
        answers: [...answers.values()],
        additionals: [...additionals.values()],
      }),
    );
    answers = new Map();
    additionals = new Map();
    size = headerSize;
  };
  for (const group of groups.flatMap(split)) {
    const all = [...group.answers, ...group.additionals];
    const bytes = all.reduce((sum, rr) => sum + rrSize(rr), 0);
    if (size + bytes > packetSize) flush();
    for (const rr of group.answers) answers.set(rrKey(rr), rr);
    for (const rr of group.additionals) additionals.set(rrKey(rr), rr);
    size += bytes;
  }
  flush();
  return messages;
}

/** A group that does not fit into a packet is sent a record at a time, all of them as answers. */
function split(group: Group): Group[] {
  const all = [...group.answers, ...group.additionals];
  if (headerSize + all.reduce((sum, rr) => sum + rrSize(rr), 0) <= packetSize) return [group];
  return all.map((rr) => ({ answers: [rr], additionals: [] }));
}

/**
 * Queries that ask these questions and say what is known: known answers that do not fit follow in
 * more packets, each but the last with the TC bit set (RFC 6762 §7.2).
 */
export function packQuery(
  questions: readonly { readonly question: Question; readonly known: readonly Rr[] }[],
): Message[] {
  const messages: Message[] = [];
  let asked: Question[] = [];
  let known: Rr[] = [];
  let size = headerSize;
  const flush = (truncated: boolean) => {
    if (asked.length + known.length === 0) return;
    messages.push(makeMessage({ questions: asked, answers: known, truncated }));
    asked = [];
    known = [];
    size = headerSize;
  };
  let waiting: Rr[] = [];
  const finish = () => {
    for (const rr of waiting) {
      if (size + rrSize(rr) > packetSize && known.length + asked.length > 0) flush(true);
      known.push(rr);
      size += rrSize(rr);
    }
    waiting = [];
    flush(false);
  };
  for (const { question, known: answers } of questions) {
    if (size + questionSize(question) > packetSize) finish();
    asked.push(question);
    size += questionSize(question);
    waiting.push(...answers);
  }
  finish();
  return messages;
}
