/**
 * `next` with every part that is the same as in `before` taken from there, down to all of it: what draws itself by identity then draws
 * nothing again. For results as workers send them: plain objects, arrays, typed arrays, text and numbers. A property that is undefined
 * counts as absent, as it is in JSON.
 */
export function shared<T>(before: unknown, next: T): T {
  if (Object.is(before, next)) return next;
  if (!isObject(before) || !isObject(next) || before.constructor !== next.constructor) return next;
  if (ArrayBuffer.isView(before) && ArrayBuffer.isView(next)) return sameBytes(before, next) ? (before as T) : next;
  const parts = (Array.isArray(next) ? [] : {}) as Record<string, unknown>;
  let defined = 0;
  let same = true;
  for (const [name, part] of Object.entries(next)) {
    if (part === undefined) continue;
    defined++;
    parts[name] = shared(before[name], part);
    same &&= Object.is(parts[name], before[name]);
  }
  return (same && defined === Object.keys(before).length ? before : parts) as T;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const [left, right] = [new Uint8Array(a.buffer, a.byteOffset, a.byteLength), new Uint8Array(b.buffer, b.byteOffset, b.byteLength)];
  return left.every((byte, at) => byte === right[at]);
}
