import type { MapDef, Program } from '../../src/bpf/program.ts';
import type { Kernel, KernelMap, LoadResult } from '../../src/companion/kernel.ts';
import { programBtf } from '../../src/object/program-btf.ts';
import { harmsKernel } from './harmful.ts';

/** Program arrays and cgroup storage belong to the first program that uses them. */
const isBound = (def: MapDef): boolean => [3, 19, 21].includes(def.type);

/** Loads programs; maps are made once, programs that define the same map share it. */
export class KernelSide {
  readonly kernel: Kernel;
  readonly #made = new Map<string, Promise<KernelMap | number>>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** What the kernel says, or null where it could not be asked: a map that it refuses, types that do not fit the functions, harm to the kernel itself. */
  async judge(program: Program): Promise<LoadResult | null> {
    if (harmsKernel(program)) return null;
    try {
      const btf = program.subprogs.length > 1 ? { btf: programBtf(program) } : {};
      if (program.maps.some(isBound)) {
        const result = await this.kernel.load(program, { logLevel: 4, logSize: 1 << 20, ...btf });
        await result.program?.closeAll();
        return usable(result);
      }
      const maps = await this.#maps(program);
      if (!maps) return null;
      const result = await this.kernel.load(program, { logLevel: 4, maps, logSize: 1 << 20, ...btf });
      await result.program?.close();
      return usable(result);
    } catch (error) {
      // Without its loader a run would skip all that follows: it ends, and the same command goes on later.
      if (/kernel loader/.test((error as Error).message)) throw error;
      return null;
    }
  }

  async #maps(program: Program): Promise<Map<string, KernelMap> | null> {
    const found = new Map<string, KernelMap>();
    for (const def of program.maps) {
      const key = JSON.stringify({ ...def, data: def.data ? Buffer.from(def.data).toString('base64') : undefined });
      const map = this.#made.get(key) ?? this.kernel.tryCreateMap(def);
      this.#made.set(key, map);
      const made = await map;
      if (typeof made === 'number') return null;
      found.set(def.name, made);
    }
    return found;
  }
}

/** Mutations may call where no function is declared: then the kernel does not get as far as its verifier. */
function usable(result: LoadResult): LoadResult | null {
  if (/^number of funcs in func_info/m.test(result.log) || (!result.accepted && result.log === '')) return null;
  return result;
}
