import { describe, expect, it } from 'vitest';
import { countedFetch } from './counted-fetch.ts';

/** What clang's package does with a response, to count it. */
const piped = (response: Response) => new Response(response.body!.pipeThrough(new TransformStream()), response);

describe('what clang fetches', () => {
  it('arrives whole, of its type, with each byte counted once', async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    const plain = new Response(new Blob([bytes]), { headers: { 'content-type': 'application/wasm' } });
    let counted = 0;
    const response = piped(await countedFetch(Promise.resolve(plain), (length) => (counted += length)));
    expect(response.headers.get('content-type')).toBe('application/wasm');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    expect(counted).toBe(bytes.length);
  });

  it('fails where the network fails', async () => {
    const lost = new Error('connection lost');
    const broken = new Response(new ReadableStream({ pull: (controller) => controller.error(lost) }));
    await expect(piped(await countedFetch(Promise.resolve(broken), () => {})).arrayBuffer()).rejects.toBe(lost);
    await expect(countedFetch(Promise.reject(lost), () => {})).rejects.toBe(lost);
  });

  it('keeps the status of what is not there', async () => {
    const missing = piped(await countedFetch(Promise.resolve(new Response('no', { status: 404 })), () => {}));
    expect([missing.status, await missing.text()]).toEqual([404, 'no']);
  });
});
