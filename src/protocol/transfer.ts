import { DserviceError } from '../errors.js';
import { listed } from './listed.js';
import { Moves } from './moves.js';

/**
 * Marks what is moved rather than copied where `value` goes over a MessagePort, as an argument, an outcome or within
 * one, as `postMessage` does it: ArrayBuffers, also of views, MessagePorts and whatever else is transferred there. Over
 * any other channel buffers are copied as ever. Returns the value itself. Throws ERR_DATA for what is no object.
 */
export function transfer<T>(value: T, list: readonly object[]): T {
  const marked = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!marked || !Array.isArray(list)) {
    throw new DserviceError('ERR_DATA', '`transfer(value, list)` takes an object and an array');
  }
  listed.set(value, {
    list: [...(list as readonly object[])],
    makeMover: (port) => new Moves(port),
  });
  return value;
}
