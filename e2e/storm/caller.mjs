// A caller in the storm, in a process: told line by line what to do.
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import dservice, { mdns, options } from 'dservice';
import { makeCalls, seenBy } from './calls.mjs';

const given = JSON.parse(process.argv[2] ?? '');
const { query, caller, scheme, proxy, facts, loops, deadlines } = given;
const file = createWriteStream(facts);

/** Multicast DNS, but for the way to what it finds: by another scheme, or round by a proxy. */
function ledBy(found) {
  const led = (endpoint) => {
    const url = new URL(endpoint);
    return `${scheme}://${proxy ?? url.hostname}:${url.port}`;
  };
  return {
    kind: found.kind,
    announce: (record, accept) => found.announce(record, accept),
    browse: (name, listener) =>
      found.browse(name, ({ type, record }) => {
        listener({ type, record: { ...record, endpoints: record.endpoints.map(led) } });
      }),
    get degraded() {
      return found.degraded;
    },
    onDegraded: (listener) => found.onDegraded(listener),
    close: () => found.close(),
  };
}

const discovery = ledBy(mdns({ reach: 'lan' }));
const own = dservice({ discovery, reach: 'lan', logger: { warn() {} } });
const remote = await own.connect(query);
const calls = makeCalls({
  ...{ caller, loops, deadlines },
  view: (how) => options(remote, how),
  seen: seenBy(own, query.split('@')[0]),
  write: (fact) => file.write(`${JSON.stringify(fact)}\n`),
});
console.log('connected');

const orders = {
  well: (ids) => calls.well(ids),
  async end() {
    await calls.end();
    await new Promise((resolve) => file.end(resolve));
    await own.stop();
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [order, ...args] = line.split(' ');
  void orders[order](args).then(() => {
    console.log(`did ${order}`);
    if (order === 'end') process.exit();
  });
}
