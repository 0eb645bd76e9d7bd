import type { Entry, Outcome } from '../../../src/pipeline/store.js';
import { errorText, keyText } from './record.js';

/** Entries as arguments of the script `turn`: what is alike, in a row, has one head. */
export function entryGroups(entries: readonly Entry[]): string[] {
  const groups = new Groups();
  for (const entry of entries) {
    const flags = (entry.given ? 'g' : '') + flagsOf(entry);
    groups.add(['p', entry.queue, flags], fieldsOf(entry, flags));
  }
  return groups.args;
}

/** Outcomes as arguments of the script `turn`. */
export function outcomeGroups(outcomes: readonly Outcome[]): string[] {
  const groups = new Groups();
  for (const outcome of outcomes) addOutcome(groups, outcome);
  return groups.args;
}

/** Arguments in groups: kind, count, queue and what else is alike, then what each one has. */
class Groups {
  readonly args: string[] = [];
  #head: readonly string[] = [];
  #countAt = -1;
  #count = 0;

  add(head: readonly [string, string, ...string[]], fields: readonly string[]): void {
    if (!this.#goesOn(head)) {
      const [kind, ...rest] = head;
      this.#head = head;
      this.#count = 0;
      this.#countAt = this.args.push(kind, '0', ...rest) - rest.length - 1;
    }
    this.args[this.#countAt] = String(++this.#count);
    for (const field of fields) this.args.push(field);
  }

  #goesOn(head: readonly string[]): boolean {
    return this.#head.length === head.length && head.every((it, i) => it === this.#head[i]);
  }
}

function addOutcome(groups: Groups, outcome: Outcome): void {
  const { ref, queue, token } = outcome;
  if (outcome.kind === 'retry') {
    const { counts, delay, error } = outcome;
    groups.add(['r', queue, token, counts ? '1' : '0', String(delay)], [ref, errorText(error)]);
    return;
  }
  if (outcome.kind === 'dead') {
    groups.add(['d', queue, token], [ref, errorText(outcome.error)]);
    return;
  }
  const [first, ...more] = outcome.next;
  if (first === undefined) groups.add(['f', queue, token], [ref]);
  else if (more.length === 0 && first.ref === ref) {
    const flags = flagsOf(first);
    groups.add(['m', queue, token, first.queue, flags], fieldsOf(first, flags));
  } else groups.add(['c', queue, token], [ref, ...childrenOf(outcome.next)]);
}

function childrenOf(next: readonly Entry[]): string[] {
  return [
    String(next.length),
    ...next.flatMap((it) => [
      it.ref,
      it.given ? '1' : '0',
      it.queue,
      keyText(it.key),
      it.body as string, // a body of ours: see Store.pack
      String(it.delay ?? 0),
      errorText(it.error),
    ]),
  ];
}

function flagsOf({ key, delay, error }: Entry): string {
  return (
    (key === undefined ? '' : 'k') +
    (delay === undefined ? '' : 'd') +
    (error === undefined ? '' : 'e')
  );
}

function fieldsOf({ ref, body, key, delay, error }: Entry, flags: string): string[] {
  const fields = [ref, body as string]; // a body of ours: see Store.pack
  if (flags.includes('k')) fields.push(keyText(key));
  if (flags.includes('d')) fields.push(String(delay));
  if (flags.includes('e')) fields.push(errorText(error));
  return fields;
}
