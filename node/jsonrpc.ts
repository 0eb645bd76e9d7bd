import { dialJsonRpc } from '../src/jsonrpc/dial.js';
import { JsonRpcServer } from '../src/jsonrpc/server.js';
import type { Engine } from '../src/service/engine.js';
import { nodePost } from './post.js';

/** JSON-RPC 2.0 over HTTP: served on a service's own port, and called at `http://…` and `https://…`. */
export const jsonRpc: Engine = {
  name: 'jsonrpc',
  schemes: ['http', 'https'],
  serve: (api, host) => new JsonRpcServer(api, host),
  dial: (endpoint, options) =>
    dialJsonRpc(endpoint, options, (given) => nodePost(given, options.clock)),
};
