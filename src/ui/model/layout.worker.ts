import { type LayoutInput, layoutGraph } from './layout.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;

scope.onmessage = (message: MessageEvent<{ id: number; input: LayoutInput }>) => {
  const { id, input } = message.data;
  try {
    scope.postMessage({ id, result: layoutGraph(input) });
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
