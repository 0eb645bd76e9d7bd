import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Browser } from 'playwright';

export declare function cannotMakeNetworks(): string | undefined;

export declare class Network {
  readonly address: string;
  constructor();
  run(...command: string[]): string;
  start(command: readonly string[], options?: SpawnOptions): ChildProcess;
  chromium(flags?: readonly string[]): Promise<Browser>;
  close(): Promise<void>;
}
