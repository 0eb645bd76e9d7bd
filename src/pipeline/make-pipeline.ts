import { Pipeline, type PipelineRuntime } from './pipeline.js';
import type { PipelineOptions } from './pipeline-options.js';

/** The function that users call, for a runtime. */
export function makePipeline(runtime: PipelineRuntime) {
  return (name: string, options: PipelineOptions = {}): Pipeline =>
    new Pipeline(runtime, name, options);
}
