import { withoutEngines } from '../../scripts/engines.mjs';

/** An engine that is not Chromium's, and how to start a browser with it. */
export interface Engine {
  /** Whether its pages can connect with each other directly. */
  readonly webRtc: boolean;
  /** Starts a browser of its own, with an empty profile. Rejects if it does not come up. */
  launch(): Promise<Browser>;
}

export interface Browser {
  /** Opens a page of its own; resolves once it has loaded, its modules too. */
  open(url: string): Promise<Page>;
  /** Ends the browser and everything that was started for it. Does not reject. */
  close(): Promise<void>;
}

export interface Page {
  /**
   * Runs the body of an async function in the page, where `given` is what was given; resolves with what
   * it returns, as JSON, and rejects with what it throws, told as a text. WebKit runs one at a time over
   * all pages: what waits for another page has to return first, and be asked for later.
   */
  evaluate(body: string, given?: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** What a page is told to run: an expression for a promise of text, that never rejects. */
export function expression(body: string, given: unknown): string {
  return `(async (given) => { ${body} })(${JSON.stringify(given ?? null)}).then(
    (value) => JSON.stringify({ value }),
    (error) => JSON.stringify({ error: String(error) + '\\n' + (error?.stack ?? '') }),
  )`;
}

/** What came of it. Throws what the page threw. */
export function outcome(text: unknown): unknown {
  if (typeof text !== 'string') throw new Error(`The page answered ${String(text)}`);
  // What the expression above makes.
  const { value, error } = JSON.parse(text) as { value?: unknown; error?: string };
  if (error !== undefined) throw new Error(`In the page: ${error}`);
  return value;
}

/** The path of a program; throws the line that says what to install. */
export function needed(path: string | undefined): string {
  if (path === undefined) throw new Error(withoutEngines());
  return path;
}
