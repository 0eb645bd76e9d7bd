/**
 * What the reader of an example has already: names that examples in README.md and docs/ use and do not declare.
 * Where one declares such a name itself, that holds.
 */
export const given = `
declare module 'express';

/** What is left out of an example: "…". */
declare const ___: any;

interface GivenOrder { id: string; total: number; sku: string }
interface GivenOrders extends GivenExposed { latest(): GivenOrder }
interface GivenUser { id: string; name(): string; orders(): GivenOrders }
type GivenExposed = import('dservice').Exposed;
interface GivenShop {
  user(token: string): GivenUser;
  users(): GivenUser[];
  price(sku: string): number;
  load(id: number): GivenOrder;
  save(order: GivenOrder): void;
  orders(since: Date): AsyncGenerator<GivenOrder>;
  upload(name: string): WritableStream<Uint8Array>;
}
declare const shop: import('dservice').Remote<GivenShop>;
declare const cache: import('dservice').Remote<{ clear(what?: string): number }>;
/** What somebody has dialled, or found: of whatever there is. */
declare const remote: any;
/** An api of somebody's. */
declare const api: { [name: string]: (...args: any[]) => any };
declare const authenticate: import('dservice').Authenticate;
declare const endpoint: string;

declare const token: string;
declare const yesterday: Date;
declare const wanted: string;
declare const file: File;
declare const signal: AbortSignal;
declare const width: number;
declare const height: number;
declare const iframe: HTMLIFrameElement;
declare const price: number;

declare const db: any;
declare const app: any;
declare const listeners: Set<(...args: any[]) => unknown>;
declare const known: any;
declare const onChange: (value: unknown) => void;
declare function charge(order: any, id: string): Promise<unknown>;
declare function ship(order: any): Promise<unknown>;
declare function may(identity: unknown, method: string | undefined): boolean;
declare function log(...args: any[]): void;
declare function keep<T>(key: unknown, value: T): T;
declare function reconnect(code: string): void;
declare function rates(tenant: unknown, sku: string): number;
declare function userOf(token: unknown): string | undefined;

/** A test runner's, and an adapter that is tested. */
declare function test(name: string, fn: () => Promise<void>): void;
declare const [a, b]: import('dservice').Discovery[];
declare function teardown(): Promise<void>;
declare const scope: any;
declare const call: any;
declare const drain: any;
declare function close(): Promise<void>;

declare const leave: any;
declare const MyServer: new (...args: unknown[]) => import('dservice').EngineServer;
declare const MySession: new (...args: unknown[]) => import('dservice').EngineSession;
declare const Counter: any;
declare class Money { constructor(cents: number, currency: string); readonly cents: number; readonly currency: string }
`;
