/**
 * What programs cost an inference on the simulated accelerator, against their number and their instructions, beside the two figures of the article on accelerators
 * (1.8 µs for validation, about 7 µs more for signing): `npm run long accelerator-overhead`. Instructions are counted by the engine; times are modelled.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AccelHook } from '../src/bpf/accelerator/hooks.ts';
import { assemble } from '../src/bpf/asm.ts';
import type { Program } from '../src/bpf/program.ts';
import { compileC } from '../src/clang/compile.ts';
import type { Device } from '../src/hooks/accelerator/device.ts';
import { linearFit, overheadCurve } from '../src/hooks/accelerator/overhead.ts';
import { loadHookProgram } from '../src/hooks/accelerator/program.ts';
import { ModelOnDevice, type PassValues } from '../src/hooks/accelerator/stream.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import type { Model } from '../src/onnx/model.ts';
import { generateInputs } from '../src/reference/generate.ts';
import { createReference } from '../src/reference/reference.ts';

const KEY = 1;
const SOURCES = {
  validation: `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <gaudi.h>
SEC("gaudi/validate_tensor")
int validate(struct bpf_context *ctx) {
if (ctx->tensor.dim[0] > 4096) return -1;
return 0;
}
`,
  signing: `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <accelerator.h>
SEC("accelerator/complete")
int sign(struct bpf_context *ctx) {
  __u32 last = ctx->tensor_count - 1;
  return accel_tensor_sign(ctx, last, ${KEY});
}
`,
} as const;
const COUNTS = [0, 1, 2, 3, 4, 6, 8, 12, 16];
const SIZES = [10, 50, 100, 200, 400, 800, 1600];
const IN_TURNS: readonly AccelHook[] = ['validate_tensor', 'dispatch', 'complete', 'submit', 'token'];
const MIXED = Array.from({ length: 21 }, (_, at) => at);
const MODELS = ['payload/payload-ids', 'stories/stories'] as const;

async function programOf(source: string): Promise<Program> {
  const { programs, diagnostics } = await compileC(source);
  if (!programs[0]) throw new Error(diagnostics[0]?.message);
  return programs[0];
}

/** So many instructions in a row. */
function straight(insns: number, hook: AccelHook = 'dispatch'): Program {
  const { program, diagnostics } = assemble(`.section accelerator/${hook}\nr0 = 0\n${'r0 += 0\n'.repeat(insns - 2)}exit\n`);
  if (!program) throw new Error(diagnostics[0]?.message);
  return program;
}

async function loaded(name: string): Promise<{ model: Model; values: PassValues }> {
  const path = fileURLToPath(new URL(`../public/samples/${name}.onnx`, import.meta.url));
  const bytes = new Uint8Array(readFileSync(path));
  const model = importModel(bytes, { fileName: name, dims: inspectModel(bytes, name).suggested });
  const reference = await createReference(bytes, { outputs: 'all', fileName: name });
  const [sample] = generateInputs(model, 1, 1);
  const values = { ...sample!, ...(await reference.run(sample!)) };
  await reference.release();
  return { model, values };
}

export default async function measure(): Promise<unknown> {
  const programs = { validation: await programOf(SOURCES.validation), signing: await programOf(SOURCES.signing) };
  const models: Record<string, unknown> = {};
  for (const name of MODELS) {
    const { model, values } = await loaded(name);
    const pass = (device: Device) => {
      device.enclave.put(KEY, new Uint8Array(32).fill(1));
      const { commands, writes } = ModelOnDevice.load(model, device.memory, values).pass(values, { request: 0, firstSeq: 0 });
      for (const { addr, data } of writes) device.memory.write(addr, data);
      return commands;
    };
    const curves = Object.fromEntries(
      Object.entries(programs).map(([kind, program]) => {
        const { points, fit } = overheadCurve({ pass, counts: COUNTS, program: () => loadHookProgram(program) });
        const [none, one] = [points[0]!, points[1]!];
        return [
          kind,
          {
            insnsARun: one.insns / one.runs,
            runs: one.runs,
            nsARun: Math.round(one.engineNs / one.runs),
            overheadOfOneNs: one.overheadNs,
            shareOfPass: Number((one.overheadNs / none.passNs).toFixed(4)),
            fit,
            points,
          },
        ];
      }),
    );
    // Hooks differ in how often they run and in whether the units wait for them: attached in turns, the points leave the line.
    const mixed = overheadCurve({ pass, counts: MIXED, program: (at) => loadHookProgram(straight(50, IN_TURNS[at % IN_TURNS.length])) });
    const bySize = SIZES.map((insns) => {
      const program = straight(insns);
      const [, one] = overheadCurve({ pass, counts: [0, 1], program: () => loadHookProgram(program) }).points;
      return { insns: one!.insns / one!.runs, overheadNs: one!.overheadNs };
    });
    const sizeFit = linearFit(
      bySize.map(({ insns }) => insns),
      bySize.map(({ overheadNs }) => overheadNs),
    );
    models[name] = { curves, inTurns: { hooks: IN_TURNS, ...mixed }, byInstructions: { points: bySize, fit: sizeFit } };
  }
  return { article: { validationNs: 1800, signingNs: 7000, tokenNs: 2_500_000 }, models };
}
