// The package brings no types: these are of what is used.
declare module 'selenium-webdriver' {
  export interface WebDriver {
    manage(): { setTimeouts(timeouts: { script?: number; pageLoad?: number }): Promise<void> };
    get(url: string): Promise<void>;
    getWindowHandle(): Promise<string>;
    switchTo(): {
      newWindow(type: 'tab' | 'window'): Promise<void>;
      window(handle: string): Promise<void>;
    };
    executeAsyncScript(script: string): Promise<unknown>;
    close(): Promise<void>;
    quit(): Promise<void>;
  }

  export class Capabilities {
    constructor(capabilities: Readonly<Record<string, unknown>>);
  }

  export class Builder {
    usingServer(url: string): this;
    withCapabilities(capabilities: Capabilities): this;
    build(): WebDriver & PromiseLike<WebDriver>;
  }
}
