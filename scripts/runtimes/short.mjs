/** What `npm test` runs in each runtime: the conformance suites of all ports, sessions, and their ways over sockets. */
const parts = [
  /^src\/(channel|discovery|testing)\//,
  /^src\/protocol\/(encode|decode|session\.(calls|streams|attachments|pipelining))\.test\.ts$/,
  /^src\/pipeline\/memory\//,
  /^node\/(channel\/.*|connect|serve|engines|streams|jsonrpc|mdns\/loopback|stores\/lmdb)\.test\.ts$/,
];

export function isShort(file) {
  return parts.some((part) => part.test(file));
}
