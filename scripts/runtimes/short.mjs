/** What `npm test` runs in each runtime: what the ports, the codec, sessions, services and sockets stand on. */
const parts = [
  /^src\/channel\/(memory|message-port|pipe|web-streams|websocket\.node|worker\.node)\.test\.ts$/,
  /^src\/discovery\/(memory|static|merge)\.test\.ts$/,
  /^src\/pipeline\/memory\/memory-store\.test\.ts$/,
  /^src\/protocol\/(encode|decode|session\.(calls|streams|pipelining))\.test\.ts$/,
  /^src\/service\/service\.test\.ts$/,
  /^node\/(connect|serve|engines|streams|mdns\/loopback|stores\/lmdb)\.test\.ts$/,
];

/** Whether a file is one of them. */
export function isShort(file) {
  return parts.some((part) => part.test(file));
}
