import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { root } from '../../scripts/root.mjs';

interface Place {
  readonly uri?: string;
  readonly targetUri?: string;
  readonly range?: { readonly start: { readonly line: number } };
  readonly targetSelectionRange?: { readonly start: { readonly line: number } };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
}

/** TypeScript's language server, asked as an editor asks it. */
export class LanguageServer {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #rest = Buffer.alloc(0);
  #last = 0;

  constructor(folder: string) {
    this.#folder = folder;
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    this.#process = spawn(process.execPath, [tsc, '--lsp', '--stdio'], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#process.stdout?.on('data', (data: Buffer) => this.#read(data));
  }

  async open(file: string): Promise<void> {
    const rootUri = pathToFileURL(this.#folder).href;
    await this.#ask('initialize', { processId: process.pid, rootUri, capabilities: {} });
    this.#send({ method: 'initialized', params: {} });
    const textDocument = { languageId: 'typescript', version: 1, text: this.#text(file) };
    const uri = pathToFileURL(join(this.#folder, file)).href;
    this.#send({
      method: 'textDocument/didOpen',
      params: { textDocument: { ...textDocument, uri } },
    });
  }

  /** The lines, trimmed, where what stands at `word` within `phrase` of a file is defined. */
  async definition(file: string, phrase: string, word: string): Promise<string[]> {
    const lines = this.#text(file).split('\n');
    const line = lines.findIndex((it) => it.includes(phrase));
    const character = (lines[line] ?? '').indexOf(phrase) + phrase.lastIndexOf(word);
    const uri = pathToFileURL(join(this.#folder, file)).href;
    const found = await this.#ask('textDocument/definition', {
      ...{ textDocument: { uri }, position: { line, character } },
    });
    return [found].flat().map((it) => {
      const { uri: at, targetUri, range, targetSelectionRange } = it as Place;
      const text = readFileSync(fileURLToPath(at ?? targetUri ?? ''), 'utf8').split('\n');
      return (text[(range ?? targetSelectionRange)?.start.line ?? -1] ?? '').trim();
    });
  }

  close(): void {
    this.#process.kill();
  }

  #text(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#last;
    this.#send({ id, method, params });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#process.stdin?.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #read(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const head = this.#rest.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(this.#rest.toString('latin1'))?.[1]);
      if (head < 0 || this.#rest.length < head + 4 + length) return;
      const text = this.#rest.subarray(head + 4, head + 4 + length).toString();
      this.#rest = this.#rest.subarray(head + 4 + length);
      const { id, method, result } = JSON.parse(text) as Message;
      if (id === undefined) continue;
      // What it asks for itself may stay unknown.
      if (method === undefined) this.#waiting.get(id)?.(result);
      else this.#send({ id, result: null });
    }
  }
}
