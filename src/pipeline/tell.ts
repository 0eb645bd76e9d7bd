import type { Emitter } from '../emitter.js';
import type { Endings } from './endings.js';
import type { About, PipelineEvents } from './events.js';
import { idOf } from './ref.js';
import type { Run } from './run.js';
import { errorOf } from './stored-error.js';
import type { Outcome } from './store.js';

export function aboutOf(command: {
  readonly ref: string;
  readonly key?: string | undefined;
  readonly queue: string;
}): About {
  return { id: idOf(command.ref), key: command.key, queue: command.queue };
}

export interface Listeners {
  readonly events: Emitter<PipelineEvents>;
  readonly endings: Endings;
}

/** Tells of an outcome that the store has. */
export function tell({ events, endings }: Listeners, run: Run, outcome: Outcome): void {
  const { claimed, attempt } = run;
  const { ref } = claimed;
  if (outcome.kind === 'dead') {
    const error = errorOf(outcome.error);
    endings.tell(ref, 'dead', [], error);
    events.emit('dead', { ...aboutOf(claimed), attempt, error });
  } else if (outcome.kind === 'retry') {
    if (!outcome.counts) return;
    const error = outcome.error && errorOf(outcome.error);
    events.emit('retried', { ...aboutOf(claimed), attempt, delay: outcome.delay, error });
  } else if (outcome.next[0]?.ref === ref) {
    // What most outcomes are, and nobody listens to.
    if (!events.listens('moved')) return;
    events.emit('moved', { ...aboutOf(claimed), attempt, to: outcome.next[0].queue });
  } else {
    const children = outcome.next.map((child) => idOf(child.ref));
    endings.tell(ref, 'finished', children);
    if (!events.listens('finished')) return;
    events.emit('finished', { ...aboutOf(claimed), attempt, children });
  }
}
