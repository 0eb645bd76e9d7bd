export interface InstalledRuntime {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly version: { readonly of: string; readonly is: string };
}

/** The runtimes, installed. Throws an error of one line where they cannot be. */
export function installedRuntimes(): InstalledRuntime[];

/** Why there are none on this machine, in one line; undefined where there are. */
export function withoutRuntimes(): string | undefined;
