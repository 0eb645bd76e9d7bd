import { DserviceError } from '../errors.js';

/** What is to be moved along with a value. */
const lists = new WeakMap<object, readonly object[]>();

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
  lists.set(value, [...(list as readonly object[])]);
  return value;
}

export function listOf(value: object): readonly object[] | undefined {
  return lists.get(value);
}
