// Programs of the part `attacks`: node attacker.mjs <port> <attack>, without end. `serve` in place of a port is who is attacked.
import net from 'node:net';
import { serve } from 'dservice';

const [, , place, name] = process.argv;
process.on('disconnect', () => process.exit());

const hello =
  '{"method":"methods","arguments":[{}],"dservice":{"v":1,"features":["reply","types","links","own","cull"],"limits":{}}}\n';
const call = (method, args, more = '') => `{"method":"${method}","arguments":[${args}]${more}}\n`;
const post = (body, path = '/dnode') =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const many = (count, text) => Array.from({ length: count }, (_, i) => text(i)).join(',');

/** A connection that is there again whenever it was ended. */
function keep(begin) {
  const socket = net.connect(Number(place), '127.0.0.1');
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(() => keep(begin), 50));
  socket.once('connect', () => begin(socket));
}
const several = (count, begin) => {
  for (let i = 0; i < count; i++) keep(begin);
};
/** The same again and again, as fast as it is taken; what is answered is read, and dropped. */
const pour = (first, text) => (socket) => {
  socket.resume();
  socket.write(first);
  const next = () => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', next);
  next();
};
/** One request after the other on a connection, each when the one before was answered. */
const ask = (text) => (socket) => {
  socket.on('data', () => socket.write(text));
  socket.write(text);
};
/** A byte now and then. */
const trickle = (first, byte) => (socket) => {
  socket.resume();
  socket.write(first);
  const timer = setInterval(() => socket.write(byte), 1_000);
  socket.once('close', () => clearInterval(timer));
};

const attacks = {
  compute() {
    // In pieces, or it would not notice its end.
    const work = () => {
      const until = performance.now() + 20;
      while (performance.now() < until);
      setImmediate(work);
    };
    work();
  },
  lines: () => several(500, trickle(`${hello}{"method":"echo","arguments":["`, 'x')),
  bodies: () => several(500, trickle(post('x'.repeat(500)).slice(0, -500), 'x')),
  events: () =>
    several(
      900,
      trickle('GET /dnode HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n', ''),
    ),
  connections: () => several(50, (socket) => socket.end(call('echo', '1'))),
  unread: () =>
    several(20, (socket) => {
      socket.pause();
      socket.write(hello + call('text', '20000', ',"reply":1').repeat(1_000));
    }),
  flood: () => several(4, pour(hello, call('echo', '1').repeat(10_000))),
  batches: () => several(8, ask(post(call('echo', '1', ',"reply":1').repeat(1_000)))),
  million: () => several(4, ask(post('{}\n'.repeat(1_000_000)))),
  keys: () => several(2, pour(hello, call('echo', `{${many(99_000, (i) => `"k${i}":0`)}}`))),
  functions: () =>
    several(
      2,
      pour(
        hello,
        call(
          'echo',
          `[${many(9_000, () => 0)}]`,
          `,"callbacks":{${many(9_000, (i) => `"${i}":[0,${i}]`)}}`,
        ),
      ),
    ),
  held: () => several(20, pour(hello, call('wait', `[${'{},'.repeat(4_700)}{}]`).repeat(4))),
};

if (place === 'serve') {
  const api = {
    echo: (value) => value,
    text: (n) => 'x'.repeat(n),
    wait: () => new Promise(() => {}),
  };
  const server = await serve(api, { port: 0, logger: { warn() {} } });
  process.send({ endpoint: server.endpoints.find((it) => it.startsWith('tcp:')) });
} else {
  attacks[name]();
  process.send({ began: true });
}
