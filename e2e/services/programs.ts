import { type Child, start } from '../child.js';
import { program } from '../run.js';

/** What a caller under load has seen when it ends. */
export interface Report {
  readonly ok: number;
  /** How many calls each answer came from: process ids, or versions. */
  readonly by: Readonly<Record<string, number>>;
  readonly failures: readonly { code: string; mayHaveRun: boolean; message: string }[];
}

/** Starts an instance, `name@version`, that says `up` when it is; with what it relies on. */
export async function serving(name: string, relies: readonly string[] = []): Promise<Child> {
  const path = await program(
    'service.mjs',
    `import dservice from 'dservice';
     const [name, ...relies] = process.argv.slice(2);
     const service = dservice(name, {
       who: () => process.pid,
       work: (ms) => new Promise((done) => setTimeout(done, ms, service.version + ' ' + process.pid)),
       chain: async () => {
         if (relies.length === 0) return [name];
         const next = await service.connect(relies[0]);
         return [name, ...(await next.chain())];
       },
     });
     for (const each of relies) service.rely(each);
     service.on('state', (state) => console.log(state));
     const before = performance.timeOrigin + performance.now();
     await service.start();
     console.log('started, asked at ' + before);`,
  );
  return start(process.execPath, [path, name, ...relies]);
}

/** Starts a caller that keeps 32 calls on their way, each of some ms. It says `connected`, and each 200 calls. */
export async function calling(query: string, mode: 'once' | 'idempotent' = 'once'): Promise<Child> {
  const path = await program(
    'caller.mjs',
    `import dservice, { options } from 'dservice';
     const [query, mode] = process.argv.slice(2);
     const found = await dservice().connect(query);
     const remote = mode === 'idempotent' ? options(found, { idempotent: true }) : found;
     console.log('connected');
     let ok = 0;
     let going = true;
     const by = {};
     const failures = [];
     process.on('SIGUSR2', () => (going = false));
     const loop = async () => {
       while (going) {
         try {
           const who = await remote.work(Math.random() * 20);
           by[who] = (by[who] ?? 0) + 1;
           if (++ok % 200 === 0) console.log('calls ' + ok + ' ');
         } catch ({ code, mayHaveRun, message }) {
           failures.push({ code, mayHaveRun, message });
           console.log('failed');
         }
       }
     };
     await Promise.all(Array.from({ length: 32 }, loop));
     console.log('report ' + JSON.stringify({ ok, by, failures }));`,
  );
  return start(process.execPath, [path, query, mode]);
}

/** Has a caller end, and tell. */
export async function report(caller: Child): Promise<Report> {
  caller.kill('SIGUSR2');
  const { code, out, err } = await caller.ended;
  const text = /^report (.*)$/m.exec(out)?.[1];
  if (code !== 0 || text === undefined) throw new Error(`The caller failed: ${out}${err}`);
  // What the program above prints.
  return JSON.parse(text) as Report;
}

/** So many calls that a caller has made. */
export async function calls(caller: Child): Promise<number> {
  const said = await caller.says(/calls (\d+) (?![^]*calls)/);
  return Number(said.split(' ')[1]);
}

/** Waits until a caller has made at least so many calls more. */
export async function more(caller: Child, count: number): Promise<void> {
  const goal = Math.ceil(((await calls(caller)) + count) / 200) * 200;
  await caller.says(`calls ${goal} `);
}

/** Ends an instance by a signal, and waits for its end. */
export async function end(instance: Child, signal: NodeJS.Signals): Promise<void> {
  instance.kill(signal);
  await instance.ended;
}
