import { type BtfId, KIND_DATASEC, KIND_FUNC, KIND_VAR } from '../object/btf.ts';
import { EINVAL, ENOENT, type Env } from './env.ts';
import { AUX, BTF_ID, MEMORY, markPointer, PERCPU, RDONLY, type Regs } from './reg.ts';

/** Addresses of kernel variables and functions, by their number in the kernel's BTF (kernel `check_pseudo_btf_id`). */

interface Symbol {
  readonly type: number;
  /** Structure behind the pointer; 0 for memory. */
  readonly struct: BtfId;
  readonly size: number;
}

const found = new WeakMap<Env, Map<number, Symbol>>();

/** What is loaded by an `lddw` with source 3; called for each such instruction before exploration. */
export function checkKernelSymbol(env: Env, id: number): void {
  const symbols = found.get(env) ?? new Map<number, Symbol>();
  found.set(env, symbols);
  if (symbols.has(id)) return;
  const types = env.kernelTypes();
  if (!types) env.refuse(EINVAL, "kernel variables are typed by the kernel's BTF, which is not at hand");
  const { btf } = types;
  const type = btf.at(id);
  if (type.kind === 0) env.fail(ENOENT, `ldimm64 insn specifies invalid btf_id ${id}.\n`);
  if (type.kind !== KIND_VAR && type.kind !== KIND_FUNC) env.fail(EINVAL, `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC\n`);
  const known = env.options.kernelSymbols?.();
  if (known && !known.has(type.name)) env.fail(ENOENT, `ldimm64 failed to find the address for kernel symbol '${type.name}'.\n`);
  if (type.kind === KIND_FUNC) {
    symbols.set(id, { type: MEMORY | RDONLY, struct: 0, size: 0 });
    return;
  }
  const target = btf.skip(type.type);
  const perCpu = btf.at(btf.find(KIND_DATASEC, '.data..percpu')).vars.some((variable) => variable.type === id);
  if (perCpu || types.isStruct(target)) symbols.set(id, { type: BTF_ID | (perCpu ? PERCPU : 0), struct: target, size: 0 });
  else {
    const size = btf.sizeOf(target);
    if (size === 0) env.fail(EINVAL, `ldimm64 unable to resolve the size of type '${btf.at(target).name}': -22\n`);
    symbols.set(id, { type: MEMORY | RDONLY, struct: 0, size });
  }
}

export function loadKernelSymbol(env: Env, id: number, r: Regs, d: number): void {
  const symbol = found.get(env)?.get(id);
  if (!symbol) env.refuse(EINVAL, 'a kernel variable was not checked');
  markPointer(r, d, symbol.type);
  r[d + AUX] = symbol.struct ? env.btfTypeIndex(env.kernelTypes()!.btf.at(symbol.struct).name, symbol.struct) : symbol.size;
}
