import { type LayoutInput, layoutGraph, type SegmentCache } from './layout.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const cache: SegmentCache = new Map();
const REPORT_EVERY_MS = 50;

scope.onmessage = (message: MessageEvent<{ id: number; input: LayoutInput }>) => {
  const { id, input } = message.data;
  let reported = performance.now();
  const report = (done: number, total: number) => {
    const now = performance.now();
    if (now - reported < REPORT_EVERY_MS) return;
    reported = now;
    scope.postMessage({ id, done, total });
  };
  try {
    const result = layoutGraph(input, report, cache);
    scope.postMessage({ id, result }, [result.x.buffer, result.y.buffer, result.pointStart.buffer, result.points.buffer]);
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
