/** BPFormer as a library: docs/api.md. Everything takes and gives bytes; nothing here reads a file of yours. */
export { InputError } from '../base/errors.ts';
export type { Program } from '../bpf/program.ts';
export type { ProgramMeta } from '../compiler/api.ts';
export type { Tensor } from '../onnx/model.ts';
export type { Tensors } from '../reference/reference.ts';
export type { ReplaySummary } from '../replay/replay.ts';
export type { Outcome } from '../replay/runner.ts';
export type { KernelVersion, Privilege, VerifyResult } from '../verifier/api.ts';
export * from './model.ts';
export * from './programs.ts';
