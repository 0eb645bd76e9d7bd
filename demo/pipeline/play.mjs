// Shows a durable pipeline: workers that are killed in the middle, and nothing is lost: npm run demo -- pipeline
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pipeline } from 'dservice/pipeline';
import { Stage } from '../stage.mjs';
import { Board } from './board.mjs';
import { nowhere, ownNames } from './names.mjs';

const count = 300;
/** So many are pushed at once, and this one of them is a name that nobody has. */
const batch = 15;
const wrong = 7;
const workers = 3;
const kills = 4;

const stage = new Stage({ seconds: 90, moral: 'Nothing was lost.' });

await stage.play(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dservice-demo-'));
  const [store, file] = [`lmdb:${join(folder, 'queues')}`, join(folder, 'stored.txt')];
  const names = pipeline('names', { store });
  const pushed = [];
  const board = new Board({ stage, names, pushed: () => pushed.length });
  const leaving = new AbortController();
  stage.keep(async () => {
    leaving.abort();
    await board.close().catch(() => {});
    await names.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  stage.tell(`${count} names are to be looked up and stored: two steps, the first one of 2013.`);
  stage.tell('All that the workers have in common is a folder.');
  const crew = [];
  for (let i = 0; i < workers; i++) crew.push(work(i + 1));
  await Promise.all(crew.map((worker) => worker.says('works')));
  const pushing = pushAll(names, pushed, leaving.signal);
  // Whoever waits for it hears of it there.
  pushing.catch(() => {});
  await board.reaches(30);
  for (let i = 0; i < kills; i++) {
    const at = Math.floor(Math.random() * workers);
    const victim = crew[at];
    victim.kill();
    await victim.closed;
    stage.tell(
      `kill -9: ${victim.name} is gone in the middle of what it did. Another one takes its place.`,
    );
    crew[at] = work(workers + i + 1);
    await stage.within(crew[at].says('works'));
    await stage.within(pause(400 + Math.random() * 600));
  }
  stage.tell(
    'What the killed ones had in hand is theirs until their leases end, some seconds yet.',
  );
  await stage.within(pushing);
  const ended = await stage.within(Promise.all(pushed.map((id) => names.finished(id))));
  await board.close();

  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  account(
    pushed,
    ended,
    lines.map((line) => line.split(' ')[0]),
  );

  stage.tell('The dead letters wait for somebody to look: npx dservice queues dead names');
  const args = ['queues', 'dead', 'names', '--limit', '1', '--store', store];
  await stage.start('terminal', commandLine(), ...args).ended();
  stage.tell('The workers are told to end.');
  await Promise.all(crew.map((worker) => worker.stop()));

  function work(number) {
    return stage.start(`worker-${number}`, 'pipeline/worker.mjs', store, file);
  }
});

/** Some at a time, as orders come in; the ids of those that the store has go into `pushed`. */
async function pushAll(names, pushed, signal) {
  const known = await ownNames();
  for (let i = 0; i < count; i += batch) {
    const items = Array.from({ length: batch }, (_, j) => {
      const name = j === wrong ? nowhere : known[(i + j) % known.length];
      return { queue: 'resolve', id: `name-${i + j + 1}`, data: { name } };
    });
    for (const { id } of await names.pushAll(items)) pushed.push(id);
    await pause(250, undefined, { signal });
  }
}

/** What was pushed is finished or dead, and what is finished was done. Throws if it does not add up. */
function account(pushed, ended, stored) {
  const finished = ended.filter(({ state }) => state === 'finished');
  const dead = ended.filter(({ state }) => state === 'dead');
  const times = new Map();
  for (const id of stored) times.set(id, (times.get(id) ?? 0) + 1);
  const repeated = [...times.values()].filter((each) => each > 1).length;
  stage.tell();
  stage.show(`${pushed.length} pushed = ${finished.length} finished + ${dead.length} dead`);
  stage.show(
    `${times.size} stored, ${repeated} of them more than once`,
    'done, and then killed before that was said',
  );
  stage.tell();
  if (pushed.length !== finished.length + dead.length) throw new Error('some were lost');
  const undone = finished.filter(({ id }) => !times.has(id));
  if (undone.length > 0) throw new Error(`${undone.length} are finished and were not stored`);
}

/** What `npx dservice` starts. */
function commandLine() {
  return fileURLToPath(
    new URL('dist/node/cli/main.js', import.meta.resolve('dservice/package.json')),
  );
}
