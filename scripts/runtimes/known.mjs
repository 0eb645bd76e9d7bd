// What does not pass in a runtime because of that runtime, each with its reason. What is listed here is run all the
// same, and fails the run where it passes: so the list is never longer than it must be. `never` marks what is not
// begun, since it hangs or ends the process; without a `test` that is a whole file.

const certificates = 'Deno looks at a certificate of one’s own when it connects, not before';
const kept =
  'Deno’s node:http answers one request of a connection that was handed to it, and no second';
const cause = 'structuredClone of Bun drops the cause of an error';
const signal = 'a child process of Deno’s takes one signal by `kill`, and no second';
const toJSON = 'in Bun these have a toJSON, and so they travel as what that gives';
const redis = 'node-redis in Deno does not find a server again that was away';

/** `runtimes`: names in runtimes.mjs and run.mjs. `file`: from the folder of the project. `test`: its full name, or a pattern of it. */
export const known = [
  {
    runtimes: ['Deno'],
    file: 'node/connect.test.ts',
    test: /^(tls|wss): a certificate that is none$/,
    reason: certificates,
  },
  {
    runtimes: ['Deno'],
    file: 'node/service.test.ts',
    test: 'services find each other by multicast DNS > over TLS, with a certificate that is checked',
    reason: certificates,
  },
  {
    runtimes: ['Deno'],
    file: 'node/jsonrpc.test.ts',
    test: 'a service as it is > answers over TLS',
    reason: certificates,
  },
  {
    runtimes: ['Deno'],
    file: 'node/jsonrpc.test.ts',
    test: /what was under way on connections that are kept$/,
    never: true,
    reason: kept,
  },
  {
    runtimes: ['Deno'],
    file: 'node/listen/http.test.ts',
    test: 'a plain request > is followed by another on the same connection',
    reason: kept,
  },
  {
    runtimes: ['Deno'],
    file: 'node/batch.test.ts',
    test: 'the port of a service > keeps the connection for the next one',
    reason: kept,
  },
  {
    runtimes: ['Deno'],
    file: 'node/channel/socket.test.ts',
    test: /^(tls|wss) > a paused reader holds the writer (back, and loses nothing|of bytes back)$/,
    reason: 'a TLS socket of Deno’s reads on while it is paused',
  },
  {
    runtimes: ['Deno'],
    file: 'node/dnode/original.test.ts',
    test: /^dnode's examples, unchanged, over /,
    never: true,
    reason: 'a program that Deno forks loads no file first (--require), by which ports are given',
  },
  {
    runtimes: ['Deno'],
    file: 'node/resume.test.ts',
    test: 'a process > that is stopped for a while goes on where it was',
    never: true,
    reason: signal,
  },
  {
    runtimes: ['Deno'],
    file: 'node/service.test.ts',
    test: 'a process > has no file left to open: calls fail with the reason, and the rest goes on',
    reason: 'Deno ends with a panic when there is no file left to open',
  },
  {
    runtimes: ['Deno'],
    file: 'node/oracle/codec.test.ts',
    test: /a key named __proto__ is a key: there, it becomes a prototype/,
    reason: 'in Deno __proto__ is a key like any other, for dnode-protocol too',
  },
  {
    runtimes: ['Deno'],
    file: 'node/stores/lmdb/places.test.ts',
    test: 'a write that fails is told; the store goes on',
    reason: 'Deno is ended by SIGXFSZ, which Node ignores',
  },
  {
    runtimes: ['Deno'],
    file: 'node/stores/redis-faults.test.ts',
    test: /^(an answer that is lost|who is away|a Redis that is full|a replica is|what a newer|what is damaged|a key has a list|who waits is woken|nobody is told)/,
    reason: redis,
  },
  {
    runtimes: ['Deno'],
    file: 'node/stores/redis-cluster.test.ts',
    test: /^(an operation that a part|a node that is killed|who waits on a cluster|a client of the caller|the number of partitions)/,
    reason: redis,
  },
  {
    runtimes: ['Deno'],
    file: 'node/shutdown.test.ts',
    test: /is left to a program that handles it$/,
    never: true,
    reason: 'a program’s own listener of a signal is not called in Deno before it ends',
  },
  {
    runtimes: ['Deno'],
    file: 'node/hostile/doors.test.ts',
    test: /a line by bytes$/,
    never: true,
    reason: 'open: a line that is sent byte by byte takes longer in Deno than there is time',
  },
  {
    runtimes: ['Bun'],
    file: 'node/hostile/doors.test.ts',
    test: /(half a message, (of ours|a plain one)|a message in fragments without end.*|fragments count among .*)$/,
    never: true,
    reason:
      'Bun has a ws of its own in place of the package, whose socket shows nothing of a message that is not whole',
  },
  {
    runtimes: ['Deno', 'Bun'],
    file: 'node/hostile/connections.fuzz.test.ts',
    never: true,
    reason:
      'what becomes of a spoilt request is for the HTTP parser of the runtime, which is not that of Node',
  },
  {
    runtimes: ['Deno', 'Bun'],
    file: 'node/hostile/memory.test.ts',
    never: true,
    reason: 'what is held is measured against bounds in the heap of Node',
  },
  {
    runtimes: ['Bun'],
    file: 'node/service.test.ts',
    test: 'a process > has no file left to open: calls fail with the reason, and the rest goes on',
    reason: 'Bun does not say that it was a file too many (EMFILE) when a socket cannot be opened',
  },
  ...['node/values.test.ts', 'src/protocol/session.values.test.ts'].map((file) => ({
    runtimes: ['Bun'],
    file,
    test: /refused, with its path > (Headers|URLSearchParams|FormData)$/,
    reason: toJSON,
  })),
  {
    runtimes: ['Bun'],
    file: 'src/protocol/session.transfer.test.ts',
    test: 'what cannot be moved is refused with its path, and nothing of the call is gone',
    reason: 'Bun moves a port that was moved before without an error',
  },
  {
    runtimes: ['Bun'],
    file: 'src/pipeline/memory/memory-store.test.ts',
    test: /data comes back as it was$/,
    reason: cause,
  },
  {
    runtimes: ['Bun'],
    file: 'node/stores/lmdb.test.ts',
    test: 'data comes back as it was',
    reason: cause,
  },
  {
    runtimes: ['Bun'],
    file: 'node/stores/redis.test.ts',
    test: 'the suite > data comes back as it was',
    reason: cause,
  },
  {
    runtimes: ['Bun'],
    file: 'src/testing/store-suite.test.ts',
    test: 'memory passes',
    reason: cause,
  },
  {
    runtimes: ['Workers in Chromium'],
    file: 'src/protocol/about.test.ts',
    test: 'a getter that throws is a method that throws, of which nothing is told',
    reason: 'the bundler gives a parameter another name, and it is the name that is told',
  },
];
