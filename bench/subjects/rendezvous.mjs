// A rendezvous in a process of its own, on a port of its own.
import { rendezvous } from 'dservice/node';

export async function serve() {
  const { url } = await rendezvous({ port: 0 });
  return { endpoint: url };
}
