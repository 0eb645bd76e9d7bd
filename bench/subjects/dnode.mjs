// dnode 1.2.2 over TCP, with the one option that lets it start on a current Node.
import dnode from 'dnode';
import { api } from './api.mjs';

const options = { weak: false };
const handlers = {
  shout: (text, callback) => callback(api.shout(text)),
  echo: (object, callback) => callback(api.echo(object)),
  tell(callback, done) {
    api.tell(callback);
    done();
  },
};

export async function serve() {
  const server = dnode(handlers, options).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { endpoint: String(server.address().port), close: () => server.close() };
}

export function connect(endpoint) {
  return new Promise((resolve) => {
    const stream = dnode({}, options).connect(Number(endpoint), '127.0.0.1');
    stream.on('error', () => {});
    stream.on('remote', (remote) => {
      const call = (method) => (argument) => new Promise((done) => remote[method](argument, done));
      resolve({
        shout: call('shout'),
        echo: call('echo'),
        tell: call('tell'),
        close: () => stream.end(),
      });
    });
  });
}
