import type { Api } from '../protocol/api.js';
import { Service } from './service.js';
import type { ServiceOptions } from './service-options.js';
import type { ServiceRuntime } from './service-runtime.js';

/** The function that the package is: `dservice(name, api)` serves, `dservice()` calls. */
export interface Dservice<At> {
  (name: string, api?: Api, options?: ServiceOptions): Service<At>;
  (options?: ServiceOptions): Service<At>;
}

/** The facade for a runtime. The function throws ERR_NAME, ERR_VERSION, ERR_API, ERR_OPTION. */
export function makeDservice<At>(runtime: ServiceRuntime<At>): Dservice<At> {
  return function dservice(
    name?: string | ServiceOptions,
    api?: Api,
    options: ServiceOptions = {},
  ): Service<At> {
    if (typeof name === 'object') return new Service(runtime, undefined, undefined, name);
    return new Service(runtime, name, api, options);
  };
}
