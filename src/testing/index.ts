// What an adapter written elsewhere needs to show that it is one.
export type { Clock } from '../clock.js';
export type { Channel, ChannelHandlers, ChannelPeer } from '../channel/channel.js';
export { memoryPair } from '../channel/memory.js';
export type { Announcement, Discovery, DiscoveryEvent } from '../discovery/discovery.js';
export type { InstanceRecord, InstanceState, Rely } from '../discovery/record.js';
export type * from '../pipeline/store.js';
export type {
  Engine,
  EngineDial,
  EngineHost,
  EngineServer,
  EngineSession,
} from '../service/engine.js';
export {
  engineSuite,
  type EnginePair,
  type EngineSetup,
  type EngineSuite,
} from './engine-suite.js';
export { channelSuite, type ChannelPair, type ChannelSuite } from './channel-suite.js';
export {
  discoverySuite,
  type DiscoverySetup,
  type DiscoverySuiteOptions,
} from './discovery-suite.js';
export {
  type CrashPoint,
  FaultyStores,
  type StoreCall,
  type StoreCallName,
  type StoreFault,
} from './faulty-store.js';
export { storeSuite, type StoreSetup, type StoreSuite } from './store-suite.js';
export { VirtualClock } from './virtual-clock.js';
