import { DserviceError } from '../errors.js';

/** Where a server takes dnode by HTTP. */
export const path = '/dnode';

/**
 * The address at which dnode is spoken by HTTP, of that of a service: `dnode` beneath it, so that a proxy may
 * have it beneath a path of its own; that of the door itself is as good. Throws ERR_ENDPOINT.
 */
export function dnodeUrl(service: string): string {
  const url = URL.canParse(service) ? new URL(service) : undefined;
  if (!/^https?:$/.test(url?.protocol ?? '') || url === undefined || url.username || url.password) {
    const text = `'${service}' is no address: http://host:port/path, with credentials as \`auth\``;
    throw new DserviceError('ERR_ENDPOINT', text);
  }
  url.pathname = url.pathname.replace(/(\/dnode)?\/?$/, path);
  url.hash = '';
  return url.href;
}
