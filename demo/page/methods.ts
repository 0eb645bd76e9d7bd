/** A function of a service's, and where it stands in its api. */
export interface Method {
  readonly path: readonly string[];
  /** The names of the path with dots between. */
  readonly label: string;
}

/** What a service may show of itself at most: it is a stranger. */
const most = { methods: 200, depth: 6 };

/** All functions of an api, those of inner objects too; `more`: there are some that are left out. */
export function methodsOf(api: object): { methods: Method[]; more: boolean } {
  const methods: Method[] = [];
  let more = false;
  const walk = (at: object, before: readonly string[]): void => {
    for (const [key, value] of Object.entries(at) as [string, unknown][]) {
      const path = [...before, key];
      if (typeof value === 'function') {
        if (methods.length === most.methods) return void (more = true);
        methods.push({ path, label: path.join('.') });
      } else if (isPlain(value)) {
        if (path.length >= most.depth) more = true;
        else walk(value, path);
      }
    }
  };
  walk(api, []);
  return { methods, more };
}

/** What stands there, if it is a function. */
export function functionAt(
  api: object,
  path: readonly string[],
): ((...args: unknown[]) => Promise<unknown>) | undefined {
  let at: unknown = api;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = Reflect.get(at, key);
  }
  // All functions of a remote api return promises.
  return typeof at === 'function' ? (at as (...args: unknown[]) => Promise<unknown>) : undefined;
}

function isPlain(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}
