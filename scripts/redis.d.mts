export declare function cannotStartRedis(): string | undefined;

export declare class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly pid: number | undefined;
  constructor(options?: Readonly<Record<string, string | number>>);
  start(
    more?: Readonly<Record<string, string | number>>,
    how?: { readonly ready?: boolean },
  ): Promise<this>;
  call(...words: (string | number)[]): Promise<string>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export declare class RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly urls: string[];
  start(how?: {
    readonly replicas?: number;
    readonly options?: Readonly<Record<string, string | number>>;
  }): Promise<this>;
  stop(): Promise<void>;
}
