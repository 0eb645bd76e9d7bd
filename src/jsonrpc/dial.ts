import { DserviceError } from '../errors.js';
import type { EngineDial } from '../service/engine.js';
import type { MakePost } from '../http/post.js';
import { JsonRpcSession } from './session.js';

/**
 * A session with a JSON-RPC server at `http://…` or `https://…`. Rejects with ERR_ENDPOINT, ERR_OPTION,
 * ERR_CONNECT, ERR_TIMEOUT, or the signal's reason. Whether it speaks JSON-RPC is told by the first call.
 */
export async function dialJsonRpc(
  endpoint: string,
  options: EngineDial,
  makePost: MakePost,
): Promise<JsonRpcSession> {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '') {
    const text = `'${endpoint}' is no endpoint: http://host:port/path, with credentials as \`auth\``;
    throw new DserviceError('ERR_ENDPOINT', text);
  }
  if (options.api !== undefined) {
    throw new DserviceError(
      'ERR_OPTION',
      'a JSON-RPC server calls nothing here: it takes no `api`',
    );
  }
  const { limits, tls, timeout, signal } = options;
  signal?.throwIfAborted();
  const post = makePost({ url: url.href, limits, tls });
  try {
    const session = new JsonRpcSession(url.href, post, options);
    await post.reach(timeout, signal);
    return session;
  } catch (error) {
    post.close();
    throw error;
  }
}
