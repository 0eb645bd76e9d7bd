/** One port of a service takes dnode and WebSockets, so what a page cannot dial it asks for as one. */
export function asWebSocket(endpoint: string): string {
  return endpoint.replace(/^tcp:/, 'ws:').replace(/^tls:/, 'wss:');
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * A secure page opens secure connections only, or such within the machine; and what is within some
 * machine is within this one only where the page is.
 */
export function reachable(endpoint: string): boolean {
  try {
    const { protocol, hostname } = new URL(asWebSocket(endpoint));
    if (!/^(ws|http)s?:$/.test(protocol)) return false;
    if (loopback.test(hostname)) return loopback.test(location.hostname);
    return /s:$/.test(protocol) || location.protocol !== 'https:';
  } catch {
    return false;
  }
}

/** An endpoint as a WebSocket that a page may open, or undefined. */
export function wayInPage(endpoint: string): string | undefined {
  const way = asWebSocket(endpoint);
  return /^wss?:/.test(way) && reachable(way) ? way : undefined;
}
