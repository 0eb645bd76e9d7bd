// A page and the rendezvous of its origin, on one port.
import { rendezvous } from 'dservice/node';
import { listen, makeSite } from '../site.mjs';

export async function serve() {
  const server = await makeSite('direct');
  await rendezvous({ server });
  return { endpoint: await listen(server) };
}
