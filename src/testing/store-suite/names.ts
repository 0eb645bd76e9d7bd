import type { On } from './place.js';
import { same } from './same.js';
import { boom, dead, done, ids, retry } from './worker.js';

/** All that an id, a key, or the name of a queue may be. */
const names = [
  '0',
  '-1',
  'a b',
  'a:b',
  'a/b',
  '{a}',
  '*',
  '?[]^\\',
  '%00',
  '\'"`',
  '__proto__',
  'constructor',
  'toString',
  'é',
  'e\u0301',
  'ß',
  '日本語',
  '😀',
  '👩‍👩‍👧',
  '\uffff',
  '\u{10ffff}',
  '\u00a0',
  'x'.repeat(256),
  'é'.repeat(256),
  '€'.repeat(256),
  '😀'.repeat(128),
  `${'x'.repeat(255)}y`,
];

export function nameTests(on: On): void {
  on('any id, key, and name of a queue will do, and none is another', async (place) => {
    const worker = await place.worker();
    const specs = names.map((name) => ({ id: name, key: name, queue: name, data: name }));
    same(
      (await worker.push(specs)).states,
      names.map(() => 'queued'),
      'states',
    );
    same(
      (await worker.push(specs)).states,
      names.map(() => 'known'),
      'states, again',
    );
    same(Object.keys((await worker.store.counts()).queues).sort(), [...names].sort(), 'queues');
    for (const [i, name] of names.entries()) {
      const [claim, ...more] = await worker.claim(9, { queue: name });
      if (claim === undefined) throw new Error(`nothing in ${name}`);
      same([claim.key, claim.queue, ids([claim]), more], [name, name, [name], []], name);
      const named = { ...boom, name, message: name };
      const moved = worker.moved(claim, 'elsewhere', { key: names[i - 1] });
      const outcomes = [
        retry(claim, 0, { error: named }),
        done(claim, [moved]),
        dead(claim, named),
      ];
      await worker.turn(outcomes.slice(i % 3, (i % 3) + 1));
    }
    const refs = specs.map(({ id, key }) => `${key}\u001f${id}`);
    const found = await worker.store.find(refs);
    const expected = names.map((_, i) => ['input', 'input', 'dead'][i % 3]);
    same(
      found.map((it) => it?.state),
      expected,
      'states at the end',
    );
    same(await worker.store.purge(refs), names.length, 'purged');
    same(await worker.store.counts(), { queues: {}, dead: 0 }, 'what is left');
  });

  on('pipelines may have such names too', async (place) => {
    const some = [
      'a',
      'a/b',
      'a:b',
      '__proto__',
      '日本',
      '😀',
      '..',
      'A',
      'x'.repeat(256),
      '€'.repeat(256),
    ];
    for (const name of some) {
      const store = await place.open({}, name);
      const entry = { ref: name, given: true, queue: 'q', body: store.pack(name).body };
      const { states } = await store.push([entry], [], { worker: 'w', seq: 0 });
      same(states, ['queued'], name);
    }
    same((await place.factory.pipelines()).toSorted(), some.toSorted(), 'names');
    for (const name of some) {
      const store = await place.open({}, name);
      const { commands } = await store.range('q', 'input', { limit: 9 });
      same(
        commands.map(({ ref, body }) => [ref, store.unpack(body)]),
        [[name, name]],
        name,
      );
    }
  });
}
