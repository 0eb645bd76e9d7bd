/** The URL of a WebSocket, as `ws://…` or `wss://…`; undefined for what is none. */
export function webSocketUrl(text: string): string | undefined {
  // A WebSocket's address has no fragment (RFC 6455 §3).
  if (!/^wss?:\/\/[^\s#]+$/.test(text)) return undefined;
  try {
    return new URL(text).href;
  } catch {
    return undefined;
  }
}
