import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { dataFileOf } from './data-file.js';

const isLittle = endianness() === 'LE';

/** Where the size of pages, and the number of the last transaction, are in the pages that the data begins with. */
const layout = { pageSize: 48, transaction: 152 };
/** Where both locks and transactions are told to the processes that share an environment. */
const shared = { magic: 0xbeefc0de, transaction: 8 };

/**
 * The heads of the data file: what was committed last. LMDB goes by a number beside it, in the lock file, which
 * lmdb 3.5 sets when it opens an environment, without the lock for writing: to what it was a moment before. If another
 * process commits in that moment, the next transaction would begin on what was there before that one, and replace it.
 * So each transaction looks first whether it stands on the last one.
 */
export class Heads {
  readonly #folder: string;
  readonly #file: number;
  readonly #places: readonly number[];
  readonly #bytes = Buffer.alloc(8);

  /** Of an environment that is open: there are heads. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#file = openSync(dataFileOf(folder), 'r');
    const second = this.#word(this.#file, layout.pageSize);
    this.#places = [layout.transaction, second + layout.transaction];
  }

  /** The number of the last transaction that was committed: nothing is, while one is open. */
  last(): number {
    return Math.max(...this.#places.map((place) => this.#read(this.#file, place)));
  }

  /** Tells LMDB the number of the last transaction. In a transaction, which is to be given up then. */
  mend(): void {
    // It is never closed: that would take all locks of this process from the file, those of LMDB too.
    const locks = openSync(join(this.#folder, 'lock.mdb'), 'r+');
    if (this.#word(locks, 0) !== shared.magic) return;
    writeNumber(this.#bytes, this.last());
    writeSync(locks, this.#bytes, 0, 8, shared.transaction);
  }

  close(): void {
    closeSync(this.#file);
  }

  #word(file: number, place: number): number {
    readSync(file, this.#bytes, 0, 4, place);
    return isLittle ? this.#bytes.readUInt32LE(0) : this.#bytes.readUInt32BE(0);
  }

  #read(file: number, place: number): number {
    readSync(file, this.#bytes, 0, 8, place);
    return readNumber(this.#bytes);
  }
}

function readNumber(bytes: Buffer): number {
  return Number(isLittle ? bytes.readBigUInt64LE(0) : bytes.readBigUInt64BE(0));
}

function writeNumber(bytes: Buffer, number: number): void {
  if (isLittle) bytes.writeBigUInt64LE(BigInt(number), 0);
  else bytes.writeBigUInt64BE(BigInt(number), 0);
}
