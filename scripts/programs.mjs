import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The path of the first of some programs that is on this machine, or undefined. */
export function programPath(...names) {
  // Debian keeps ip, iptables and avahi-daemon where not every user's PATH leads.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return names
    .flatMap((name) => folders.filter(Boolean).map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}
