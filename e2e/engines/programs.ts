import { type Child, start } from '../child.js';
import { program } from '../run.js';

/** A program for Node that a page can dial. */
export interface Service {
  readonly child: Child;
  readonly url: string;
}

/** Serves what the tests call. `origins`: the pages that may; those of this machine, without it. */
export function serving(origins?: readonly string[]): Promise<Service> {
  return up(
    'engine-service.mjs',
    `import { inspect } from 'node:util';
     import { serve } from 'dservice';
     const waiting = [];
     const api = {
       shout: (text) => text.toUpperCase(),
       add: (a, b, cb) => cb(a + b),
       fail: () => { throw new RangeError('on purpose'); },
       echo: (value) => value,
       look: (value) => inspect(value, { compact: true, breakLength: Infinity }),
       count: async (to, each) => { for (let i = 1; i <= to; i++) await each(i); return to; },
       // Nobody hears anything until so many wait.
       gather: (size, each) => {
         waiting.push(each);
         if (waiting.length === size) waiting.splice(0).forEach((each, i) => each(i));
       },
       never: () => { console.log('called'); return new Promise(() => {}); },
     };
     const [origins] = process.argv.slice(2).map((text) => JSON.parse(text));
     const server = await serve(api, { port: 0, ...(origins ? { origins } : {}) });
     console.log('at ' + server.endpoints[0].replace('tcp:', 'ws:'));`,
    ...(origins === undefined ? [] : [JSON.stringify(origins)]),
  );
}

/** Calls whoever dials it, and prints what they said. */
export function callingBack(): Promise<Service> {
  return up(
    'engine-caller.mjs',
    `import { serve } from 'dservice';
     const onSession = (session) =>
       session.on('remote', async (page) => {
         const seen = [];
         const sum = await page.add(40, 2);
         const when = await page.count(3, (number) => void seen.push(number));
         console.log('the page says ' + JSON.stringify([sum, seen, when]));
       });
     const server = await serve({}, { port: 0, onSession });
     console.log('at ' + server.endpoints[0].replace('tcp:', 'ws:'));`,
  );
}

/** A rendezvous; at the port of one that was there before. */
export function meetingPlace(port = 0): Promise<Service> {
  return up(
    'engine-rendezvous.mjs',
    `import { rendezvous } from 'dservice';
     const it = await rendezvous({ port: Number(process.argv[2]), logger: { warn() {} } });
     console.log('at ' + it.url);`,
    String(port),
  );
}

/** Serves by a rendezvous, and calls into pages as it is told. */
export function member(url: string, name: string, calls?: string): Promise<Service> {
  return up(
    'engine-member.mjs',
    `import dservice from 'dservice';
     const [rendezvous, name, calls] = process.argv.slice(2);
     const options = { rendezvous, logger: { warn() {} } };
     await dservice(name, { shout: (text) => text.toUpperCase() }, options).start();
     console.log('at ' + rendezvous);
     if (calls) {
       const page = await dservice(options).connect(calls);
       const seen = [];
       await page.count(3, (number) => void seen.push(number));
       console.log('the page says ' + JSON.stringify(seen));
     }`,
    ...[url, name, ...(calls === undefined ? [] : [calls])],
  );
}

async function up(name: string, text: string, ...args: string[]): Promise<Service> {
  const child = start(process.execPath, [await program(name, text), ...args]);
  const said = await child.says(/^at ws:\S+$/m);
  return { child, url: said.slice('at '.length) };
}
