import { networkInterfaces } from 'node:os';

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
