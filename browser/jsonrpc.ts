import { dialJsonRpc } from '../src/jsonrpc/dial.js';
import type { Engine } from '../src/service/engine.js';
import { fetchPost } from './post.js';

/**
 * JSON-RPC 2.0 over HTTP, for calling: `dial(url, { engines: [jsonRpc] })`, `dservice({ engines: [jsonRpc] })`.
 */
export const jsonRpc: Engine = {
  name: 'jsonrpc',
  schemes: ['http', 'https'],
  dial: (endpoint, options) => dialJsonRpc(endpoint, options, fetchPost),
};
