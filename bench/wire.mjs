import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Each socket that this process connects from here on: `bytes()` that have gone there and back, `end()` stops looking. */
export function watchWire() {
  const sockets = [];
  const add = ({ socket }) => sockets.push(socket);
  subscribe('net.client.socket', add);
  const sum = (count) => sockets.reduce((all, socket) => all + count(socket), 0);
  return {
    sockets,
    bytes: () => sum(({ bytesRead, bytesWritten }) => bytesRead + bytesWritten),
    end: () => unsubscribe('net.client.socket', add),
  };
}
