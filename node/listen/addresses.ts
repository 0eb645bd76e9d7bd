import type { Server as HttpServer } from 'node:http';
import { Server as SecureServer } from 'node:https';
import { networkInterfaces } from 'node:os';
import { Server as TlsServer } from 'node:tls';
import { hostPort } from '../channel/address.js';

/** The addresses at which a listener on `address` is reached: itself, or where it is all, each one. */
export function reachableAddresses(address: string): string[] {
  if (address !== '0.0.0.0' && address !== '::') return [address];
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  // Link-local ones mean nothing without the interface, which is not the caller's.
  const usable = all.filter(
    (one) =>
      (one.family === 'IPv4' || address === '::') && !one.address.toLowerCase().startsWith('fe80:'),
  );
  // Loopback first: for those on this machine.
  usable.sort((a, b) => Number(b.internal) - Number(a.internal));
  return [...new Set(usable.map((one) => one.address))];
}

/** Whether TLS is spoken there. In Bun a socket of HTTP without has the property too. */
export function isEncrypted(socket: object): boolean {
  return 'encrypted' in socket && socket.encrypted === true;
}

/** Where somebody's server is reached by WebSocket, `ws://host:port`, those of loopback first; nowhere, as long as it does not listen. */
export function webSocketAddresses(server: HttpServer | SecureServer): string[] {
  const at = server.address();
  if (typeof at !== 'object' || at === null) return [];
  // In Bun a server of HTTPS is no server of TLS.
  const secure = server instanceof TlsServer || server instanceof SecureServer;
  return reachableAddresses(at.address).map(
    (address) => `${secure ? 'wss' : 'ws'}://${hostPort(address, at.port)}`,
  );
}
