import { compileWorker, hold } from '../../workbench/clients.ts';
import type { WeightMapView, WeightRowView } from '../../workbench/model-views.ts';
import { openModelSpec } from '../../workbench/pipeline.ts';
import type { CallOptions } from '../../workbench/rpc.ts';
import type { WeightStats } from '../../workbench/views.ts';

/** Asks the compile worker about the open model. */
function ask<T>(method: string, args: object, options?: CallOptions): Promise<T> {
  const model = openModelSpec();
  if (!model) return Promise.reject(new Error('no model is open'));
  hold(compileWorker, model.model);
  return compileWorker.call<T>(method, { model, ...args }, options);
}

export const weightStats = (name: string, options?: CallOptions): Promise<readonly WeightStats[]> =>
  ask('weights', { names: [name] }, options);

export const weightMap = (name: string, mostRows: number, mostColumns: number, options?: CallOptions): Promise<WeightMapView> =>
  ask('weightMap', { name, mostRows, mostColumns }, options);

export const weightRow = (name: string, row: number): Promise<WeightRowView> => ask('weightRow', { name, row });
