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

/** A path of a URL below which dnode is spoken, as it is. Throws ERR_OPTION. */
export function checkPlace(place: string): string {
  // Clients ask for a path as a URL has it: for `/a/../b`, or what is no ASCII, nobody ever would.
  const url = place.startsWith('/') ? new URL(`http://a${place}`) : undefined;
  if (url?.pathname === place && !place.endsWith('/')) return place;
  const text = `path: '${place}' is no path of a URL below a server, such as ${path}`;
  throw new DserviceError('ERR_OPTION', text);
}

/** What a path at or below a place is to the door: clients add `/dnode` to that of a service. */
export function within(place: string, asked: string): string {
  const rest = asked.slice(place.length);
  // At `/dnode`, that is there already.
  return rest === '' || place.endsWith(path) ? path + rest : rest;
}
