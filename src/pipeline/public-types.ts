// The types that users of pipelines may name.
export type { Duration } from './duration.js';
export type { Ending } from './endings.js';
export type { About, PipelineEvents } from './events.js';
export type { PushItem, PushOptions } from './intake.js';
export type {
  DeadOptions,
  Filter,
  Letter,
  PeekOptions,
  PurgeOptions,
  RedriveOptions,
} from './letters.js';
export type { Logger } from './logger.js';
export type { Done, OriginalConstructor, OriginalStep, Payload } from './original.js';
export type { Pipeline, PushResult, StopOptions } from './pipeline.js';
export type { PipelineOptions } from './pipeline-options.js';
export type { StepFunction, StepOptions } from './step.js';
export type { NextOptions, StepContext } from './step-context.js';
export type {
  Counts,
  PushState,
  QueueCounts,
  State,
  StoreFactory,
  StoreSupports,
} from './store.js';
