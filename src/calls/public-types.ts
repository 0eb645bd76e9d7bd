export type { ConnectOptions } from './connect.js';
export type { Dialled, DialOptions } from './dial.js';
export type { Remote, RemoteFunction } from './remote.js';
