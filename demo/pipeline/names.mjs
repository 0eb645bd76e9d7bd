// Names that are looked up without asking anybody else: those of this machine.
import { readFile } from 'node:fs/promises';

/** A name with nothing between two dots is none: the lookup fails on this machine, and no packet leaves it. */
export const nowhere = 'nobody..home';

const file =
  process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

/** The names and addresses that this machine has for itself, by its own list: others might be asked for elsewhere. */
export async function ownNames() {
  const text = await readFile(file, 'utf8').catch(() => '');
  const listed = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([address]) => address.startsWith('127.') || address === '::1')
    .flatMap(([address, ...names]) => [address, ...names]);
  return [...new Set(['localhost', '127.0.0.1', ...listed])].slice(0, 10);
}
