/** `host:port`, as it stands in an endpoint: IPv6 in brackets, IPv4 in IPv6 as IPv4. */
export function hostPort(host: string, port: number): string {
  const plain = host.replace(/^::ffff:(?=\d+\.)/i, '');
  return `${plain.includes(':') ? `[${plain}]` : plain}:${port}`;
}
