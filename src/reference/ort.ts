import type * as OrtModule from 'onnxruntime-web';

export type Ort = typeof OrtModule;

/** Where a page serves ONNX Runtime's two files from; Node finds them itself. */
export interface OrtOptions {
  readonly wasmPaths: { readonly wasm: string; readonly mjs: string };
}

let options: OrtOptions | null = null;
let loaded: Promise<Ort> | null = null;

/** Tells a page or worker where the runtime's files are. Must come before the first model; not needed in Node. */
export function configureOrt(given: OrtOptions): void {
  options = given;
  loaded = null;
}

/** ONNX Runtime, loaded on first use. */
export function loadOrt(): Promise<Ort> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Ort> {
  let ort: Ort;
  if (options) {
    ort = (await import('onnxruntime-web/wasm')) as unknown as Ort;
    ort.env.wasm.wasmPaths = { ...options.wasmPaths };
  } else {
    // Only Node takes this way, so a bundler must not follow it.
    const name = 'onnxruntime-web';
    ort = (await import(/* @vite-ignore */ name)) as Ort;
  }
  // One thread is the fastest for models of this size, and needs no SharedArrayBuffer.
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'fatal';
  return ort;
}
