/**
 * A `fetch` for clang's package, which counts its download with `response.body.pipeThrough(…)`. Chromium ends the whole page when a worker is ended from outside amid
 * such a pipe (a check within its streams takes the exception that ends the script for one that nobody caught), so `body` has a `pipeThrough` of ours here, which
 * reads piece by piece and calls `count` with each piece's bytes. All else of the response is the browser's own.
 */
export async function countedFetch(fetching: Promise<Response>, count: (bytes: number) => void): Promise<Response> {
  const response = await fetching;
  const whole = response.body;
  if (whole) Object.defineProperty(response, 'body', { value: { pipeThrough: () => counted(whole, count) } });
  return response;
}

function counted(whole: ReadableStream<Uint8Array>, count: (bytes: number) => void): ReadableStream<Uint8Array> {
  const reader = whole.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      count(value.length);
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
