// A rendezvous, where pages meet each other and the programs of this machine; and the page, on the same port.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { rendezvous } from 'dservice';
import { site } from './site.mjs';

const host = '127.0.0.1';
// The usual port, or where others have it one that is as easy to say, or any; or the one that it had before.
const ports = [
  Number(process.argv[2] ?? 4321),
  ...Array.from({ length: 20 }, (_, i) => 4322 + i),
  0,
];

const server = createServer(await site());
const meeting = await rendezvous({ server, mdns: true });
console.log(`the page is at http://${host}:${await listen(ports)}/`);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void leave());

async function leave() {
  // Pages stay connected as long as they are open: they are not waited for.
  await meeting.stop(250);
  server.close();
  server.closeAllConnections();
}

/** Listens on the first of those ports that is free, and gives it. */
async function listen([port, ...others]) {
  server.listen(port, host);
  try {
    await once(server, 'listening');
    return server.address().port;
  } catch (error) {
    if (error.code === 'EADDRINUSE' && others.length > 0) return await listen(others);
    throw error;
  }
}
