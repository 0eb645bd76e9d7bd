/**
 * The object that is offered to one peer, as dnode makes it: a function is called with an object of its
 * own as `this`, and may return another; anything else is taken as it is. Throws what the function throws.
 */
export function construct(cons: unknown, remote: object, conn: object): object {
  if (typeof cons !== 'function') return typeof cons === 'object' && cons !== null ? cons : {};
  const prototype = Object.getOwnPropertyDescriptor(cons, 'prototype');
  // A class: it cannot be called, and its instance is what it makes.
  if (prototype?.writable === false) return Reflect.construct(cons, [remote, conn]) as object;
  const behind: unknown = prototype?.value;
  const made = Object.create(
    typeof behind === 'object' && behind !== null ? behind : Object.prototype,
  ) as object;
  const returned: unknown = Reflect.apply(cons, made, [remote, conn]);
  return typeof returned === 'object' && returned !== null ? returned : made;
}
