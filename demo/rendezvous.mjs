// A rendezvous, where pages meet each other and the programs of this machine; and the page, on the same port.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { rendezvous } from 'dservice';
import { site } from './site.mjs';

const host = '127.0.0.1';
const usual = Number(process.argv[2] ?? 4321);

const server = createServer(await site());
const meeting = await rendezvous({ server, mdns: true });
// Where the usual port is taken, any other.
const port = (await listen(usual)) ?? (await listen(0));
console.log(`the page is at http://${host}:${port}/`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    // Pages stay connected as long as they are open: they are not waited for.
    await meeting.stop(250);
    server.close();
    server.closeAllConnections();
  });
}

/** The port it listens on; undefined where that one is taken. */
async function listen(port) {
  server.listen(port, host);
  try {
    await once(server, 'listening');
    return server.address().port;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
