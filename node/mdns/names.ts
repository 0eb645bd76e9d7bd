import { createHash } from 'node:crypto';

/** The DNS-SD service type of every dservice instance (RFC 6763 §7). */
export const serviceType = '_dservice._tcp.local';
/** Where DNS-SD browsers ask which types there are (RFC 6763 §9). */
export const metaType = '_services._dns-sd._udp.local';

/** Instance names: `name` with `.` as `-`, at most 40 bytes, then `-` and the id. Names are ASCII. */
export function instanceName(name: string, id: string): string {
  return `${name.replaceAll('.', '-').slice(0, 40)}-${id}.${serviceType}`;
}

export function hostName(id: string): string {
  return `${id}.local`;
}

/**
 * The subtype under which instances of one name are found (RFC 6763 §7.1). A hash, since a label
 * must not hold dots and names are up to 63 bytes long.
 */
export function subtypeName(name: string): string {
  return `_${hash16(name)}._sub.${serviceType}`;
}

/** 16 hex digits of SHA-256. */
export function hash16(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Names are compared without regard to the case of ASCII letters (RFC 6762 §16). */
export function canonical(name: string): string {
  if (!/[A-Z]/.test(name)) return name;
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether a canonical name is that of a dservice instance. */
export function isInstanceName(name: string): boolean {
  return name.endsWith(`.${serviceType}`) && !name.endsWith(`._sub.${serviceType}`);
}

/** Whether a canonical name is the service type, or one of its subtypes. */
export function isTypeName(name: string): boolean {
  return name === serviceType || name.endsWith(`._sub.${serviceType}`);
}

/**
 * Whether a name can be put into a packet: labels of 1 to 63 bytes, 255 in all (RFC 1035 §2.3.4).
 * What was read from a packet is not always so: bytes that were no UTF-8 grew when they were decoded.
 */
export function isEncodable(name: string): boolean {
  if (Buffer.byteLength(name) > 253) return false;
  return name.split('.').every((label) => {
    const bytes = Buffer.byteLength(label);
    return bytes > 0 && bytes <= 63;
  });
}
