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

/** Counts what a socket does from here on: what it hands to the system and gets from it, and lines. */
export function countTraffic(socket) {
  const counts = { writes: 0, reads: 0, lines: 0, sent: 0, got: 0 };
  const [write, writev, push] = [socket._write, socket._writev, socket.push];
  const note = (data) => {
    const bytes = Buffer.from(data);
    counts.sent += bytes.length;
    for (let at = -1; (at = bytes.indexOf(10, at + 1)) !== -1;) counts.lines++;
  };
  socket._write = (data, ...rest) => {
    counts.writes++;
    note(data);
    return write.call(socket, data, ...rest);
  };
  socket._writev = (chunks, ...rest) => {
    counts.writes++;
    for (const { chunk } of chunks) note(chunk);
    return writev.call(socket, chunks, ...rest);
  };
  socket.push = (data, ...rest) => {
    if (data !== null) {
      counts.reads++;
      counts.got += data.length;
    }
    return push.call(socket, data, ...rest);
  };
  // A socket that reads into memory of its owner's hands nothing to the stream.
  const told = Object.getOwnPropertySymbols(socket).find((it) => it.description === 'kBufferCb');
  const read = told && socket[told];
  if (read) {
    socket[told] = (count, ...rest) => {
      counts.reads++;
      counts.got += count;
      return read(count, ...rest);
    };
  }
  return counts;
}
