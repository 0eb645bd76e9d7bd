import { createHash } from 'node:crypto';
import { awaiting } from './scripts/await.js';
import { counts } from './scripts/counts.js';
import { extend } from './scripts/extend.js';
import { find } from './scripts/find.js';
import { open } from './scripts/open.js';
import { purge } from './scripts/purge.js';
import { range } from './scripts/range.js';
import { rate } from './scripts/rate.js';
import { reap } from './scripts/reap.js';
import { redrive } from './scripts/redrive.js';
import { turn } from './scripts/turn.js';

/** A program that Redis runs, and the name it knows it by. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

export const scripts = {
  await: script(awaiting),
  counts: script(counts),
  extend: script(extend),
  find: script(find),
  open: script(open),
  purge: script(purge),
  range: script(range),
  rate: script(rate),
  reap: script(reap),
  redrive: script(redrive),
  turn: script(turn),
};

function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
