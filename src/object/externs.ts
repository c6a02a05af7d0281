import { MAP_FLAG_MMAPABLE, MAP_FLAG_RDONLY_PROG, MAP_TYPE_ARRAY } from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import {
  type Btf,
  type BtfId,
  KIND_ARRAY,
  KIND_DATASEC,
  KIND_ENUM,
  KIND_FUNC,
  KIND_INT,
  KIND_PTR,
  KIND_VAR,
  LINKAGE_EXTERN,
} from './btf.ts';
import { essentialName, isSigned, typesCompatible } from './core-types.ts';
import { type ElfFile, SHN_UNDEF, STB_GLOBAL, STB_WEAK, STT_NOTYPE } from './elf.ts';
import type { LoadTarget } from './target.ts';

/**
 * Names that an object leaves to its loader: values of the kernel's configuration (`__kconfig`), kernel variables and functions (`__ksym`).
 * The rules are libbpf's (bpf_object__collect_externs, bpf_object__resolve_externs).
 */

/** What takes the place of a name. */
export type Extern =
  /** A value in the map `.kconfig`. */
  | { readonly kind: 'config'; readonly off: number }
  /** A variable or function of the kernel's BTF; 0: the kernel's types are not at hand. */
  | { readonly kind: 'btf'; readonly id: BtfId; readonly name: string }
  /** An address, or 0 for what the kernel does not have. */
  | { readonly kind: 'value'; readonly value: bigint }
  /** A function that the kernel does not have; the number of the call that libbpf puts in its place. */
  | { readonly kind: 'poison'; readonly imm: number };

export interface Externs {
  /** By index of the symbol. */
  readonly bySymbol: ReadonlyMap<number, Extern>;
  /** The map that holds configuration values; null when the object asks for none. */
  readonly configMap: MapDef | null;
  /** Why a loader refuses the object; null when it does not. */
  readonly refusal: string | null;
}

export const NO_EXTERNS: Externs = { bySymbol: new Map(), configMap: null, refusal: null };

type ConfigType = 'bool' | 'char' | 'int' | 'tristate' | 'text';

interface Named {
  readonly symbol: number;
  readonly name: string;
  readonly weak: boolean;
  readonly type: BtfId;
  readonly isFunction: boolean;
  readonly config: { readonly type: ConfigType; readonly size: number; readonly align: number; readonly signed: boolean } | null;
}

/** The accelerator's functions are no kernel's: what loads the program puts them in. */
const isDeviceFunction = (name: string): boolean => name.startsWith('accel_');

/** libbpf's numbers of calls to functions that the kernel lacks. */
const POISON_FUNCTION = 2002000000;
/** Most bytes of configuration that an object asks for. */
const MOST_CONFIG_BYTES = 1 << 20;
const BOOL = 4;

const intEncoding = (extra: number): number => (extra >>> 24) & 0xf;

/** How libbpf reads a configuration variable (`find_kcfg_type`); null for types that it refuses. */
function configType(btf: Btf, id: BtfId): { type: ConfigType; signed: boolean } | null {
  const type = btf.at(btf.skip(id));
  if (type.kind === KIND_INT) {
    const encoding = intEncoding(type.extra);
    if (encoding & BOOL) return type.size === 1 ? { type: 'bool', signed: false } : null;
    if (type.size === 1) return { type: 'char', signed: isSigned(type) };
    return [2, 4, 8].includes(type.size) ? { type: 'int', signed: isSigned(type) } : null;
  }
  if (type.kind === KIND_ENUM) return type.size === 4 && type.name === 'libbpf_tristate' ? { type: 'tristate', signed: false } : null;
  if (type.kind === KIND_ARRAY && type.elements > 0)
    return configType(btf, type.type)?.type === 'char' ? { type: 'text', signed: true } : null;
  return null;
}

function alignOf(btf: Btf, id: BtfId, depth = 0): number {
  const type = btf.at(btf.skip(id));
  if (type.kind === KIND_PTR) return 8;
  if (type.kind === KIND_ARRAY) return depth > 32 ? 1 : alignOf(btf, type.type, depth + 1);
  return Math.min(8, Math.max(1, type.size));
}

function compare(a: Named, b: Named): number {
  if ((a.config === null) !== (b.config === null)) return a.config ? -1 : 1;
  if (a.config && b.config) {
    if (a.config.align !== b.config.align) return b.config.align - a.config.align;
    if (a.config.size !== b.config.size) return a.config.size - b.config.size;
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Functions and variables of the BTF that only a loader can find, by name, with their section. */
function declared(btf: Btf): Map<string, { id: BtfId; section: string }> {
  const sections = new Map<BtfId, string>();
  for (const type of btf.types) if (type.kind === KIND_DATASEC) for (const { type: id } of type.vars) sections.set(id, type.name);
  const found = new Map<string, { id: BtfId; section: string }>();
  btf.types.forEach(({ kind, name, extra }, id) => {
    if ((kind === KIND_VAR || kind === KIND_FUNC) && extra === LINKAGE_EXTERN && !found.has(name))
      found.set(name, { id, section: sections.get(id) ?? '' });
  });
  return found;
}

/** Resolves the names that an object leaves open. Without a target nothing is known of them but their kind. */
export function resolveExterns(elf: ElfFile, btf: Btf | null, mapName: string, target: LoadTarget | null): Externs {
  const open = elf.symbols.flatMap((symbol, index) =>
    symbol.sectionIdx === SHN_UNDEF &&
    symbol.type === STT_NOTYPE &&
    symbol.name !== '' &&
    (symbol.bind === STB_GLOBAL || symbol.bind === STB_WEAK)
      ? [{ index, name: symbol.name, weak: symbol.bind === STB_WEAK }]
      : [],
  );
  if (open.length === 0) return NO_EXTERNS;
  let refusal: string | null = null;
  const refuse = (reason: string): void => {
    refusal ??= reason;
  };
  const known = btf ? declared(btf) : new Map<string, { id: BtfId; section: string }>();
  const names: Named[] = [];
  for (const { index, name, weak } of open) {
    const declaration = known.get(name);
    if (!btf || !declaration) {
      refuse(`nothing says what the external ${name} is: the object has no BTF of it`);
      continue;
    }
    const variable = btf.at(declaration.id);
    const isFunction = variable.kind === KIND_FUNC;
    if (declaration.section === '.kconfig') {
      const type = configType(btf, variable.type);
      const size = btf.sizeOf(variable.type);
      if (isFunction || !type || size <= 0 || size > MOST_CONFIG_BYTES)
        refuse(`configuration value ${name} has a type that libbpf refuses`);
      else
        names.push({
          symbol: index,
          name,
          weak,
          type: variable.type,
          isFunction,
          config: { ...type, size, align: alignOf(btf, variable.type) },
        });
    } else if (declaration.section === '.ksyms')
      names.push({ symbol: index, name, weak, type: btf.skip(variable.type), isFunction, config: null });
    else refuse(`external ${name} lies in section ${declaration.section || '(none)'}, which libbpf does not know`);
  }
  names.sort(compare);
  const bySymbol = new Map<number, Extern>();
  let size = 0;
  for (const { config, symbol } of names) {
    if (!config) continue;
    size = Math.ceil(size / config.align) * config.align;
    bySymbol.set(symbol, { kind: 'config', off: size });
    size += config.size;
  }
  if (size > MOST_CONFIG_BYTES) refuse('the object asks for more configuration than any kernel has');
  const data = size > 0 && size <= MOST_CONFIG_BYTES && target ? new Uint8Array(size) : null;
  const kernel = names.some(({ config }) => !config) ? (target?.btf() ?? null) : null;
  names.forEach((named, order) => {
    if (named.config) {
      const at = bySymbol.get(named.symbol);
      if (target && data && at?.kind === 'config') setConfig(named, data, at.off, target, refuse);
    } else if (target || named.isFunction || !named.weak)
      bySymbol.set(named.symbol, kernelSymbol(named, order, btf!, kernel, target, refuse));
  });
  const isKnown = data !== null && (target!.config() !== null || names.every(({ config, name }) => !config || !name.startsWith('CONFIG_')));
  const configMap: MapDef | null =
    size === 0 || size > MOST_CONFIG_BYTES
      ? null
      : {
          name: mapName,
          type: MAP_TYPE_ARRAY,
          keySize: 4,
          valueSize: size,
          maxEntries: 1,
          flags: MAP_FLAG_MMAPABLE | MAP_FLAG_RDONLY_PROG,
          // Written to an object again, the values are constants.
          section: '.rodata.kconfig',
          ...(isKnown ? { data: data!, frozen: true } : {}),
        };
  return { bySymbol, configMap, refusal };
}

function kernelSymbol(
  named: Named,
  order: number,
  btf: Btf,
  kernel: Btf | null,
  target: LoadTarget | null,
  refuse: (reason: string) => void,
): Extern {
  const { name, weak, isFunction, type } = named;
  const none: Extern = { kind: 'value', value: 0n };
  if (type === 0 && !isFunction) {
    const address = target?.symbols()?.get(name);
    if (address === undefined && target && !weak) refuse(`the kernel has no symbol ${name}`);
    return address === undefined ? none : { kind: 'value', value: address };
  }
  if (isFunction && isDeviceFunction(name)) return { kind: 'btf', id: 0, name };
  const essential = isFunction ? essentialName(name) : name;
  if (!kernel) return { kind: 'btf', id: 0, name: essential };
  const missing: Extern = isFunction ? { kind: 'poison', imm: POISON_FUNCTION + order } : none;
  const id = isFunction ? kernel.find(KIND_FUNC, essential) : kernel.find(KIND_VAR, essential);
  if (id === 0) {
    if (!weak) refuse(`the kernel has no ${isFunction ? 'function' : 'variable'} ${essential} (a module that is not loaded may have it)`);
    return missing;
  }
  const theirs = kernel.at(id).type;
  const same = isFunction ? typesCompatible(btf, type, kernel, theirs) : typesCompatible(btf, type, kernel, kernel.skip(theirs));
  if (same) return { kind: 'btf', id, name: essential };
  if (!weak || !isFunction) refuse(`the kernel's ${essential} is of another type than the object's`);
  return missing;
}

/** Writes one configuration value; one that the kernel lacks stays 0. */
function setConfig(named: Named, data: Uint8Array, off: number, target: LoadTarget, refuse: (reason: string) => void): void {
  const { name, weak } = named;
  const { type, size } = named.config!;
  if (!name.startsWith('CONFIG_')) {
    const value = target.virtual(name);
    if (value !== undefined) setNumber(named, data, off, value, refuse);
    else if (!weak || !name.startsWith('LINUX_')) refuse(`configuration value ${name} is none that libbpf knows`);
    return;
  }
  const config = target.config();
  const text = config?.get(name);
  if (text === undefined) {
    if (config && !weak) refuse(`the kernel's configuration does not have ${name}`);
    return;
  }
  if (text === 'y' || text === 'n' || text === 'm') {
    if (type === 'bool' && text !== 'm') data[off] = text === 'y' ? 1 : 0;
    else if (type === 'tristate') data[off] = { n: 0, y: 1, m: 2 }[text];
    else if (type === 'char') data[off] = text.charCodeAt(0);
    else refuse(`${name}=${text} does not fit the type of the object's variable`);
  } else if (text.startsWith('"')) {
    if (type !== 'text') refuse(`${name} is a text, the object's variable is none`);
    else data.set(new TextEncoder().encode(text.slice(1, -1)).subarray(0, size - 1), off);
  } else if (/^(-?\d+|0x[\da-f]+)$/i.test(text)) {
    if (type !== 'int' && !(type === 'char' && size === 1)) refuse(`${name} is a number, the object's variable is none`);
    else setNumber(named, data, off, BigInt(text), refuse);
  } else refuse(`the kernel's configuration has an unreadable ${name}`);
}

function setNumber(named: Named, data: Uint8Array, off: number, value: bigint, refuse: (reason: string) => void): void {
  const { type, size, signed } = named.config!;
  const fits = size >= 8 || (signed ? BigInt.asIntN(size * 8, value) === value : BigInt.asUintN(size * 8, value) === value);
  if ((type !== 'int' && type !== 'char' && type !== 'bool') || !fits || (type === 'bool' && value > 1n)) {
    refuse(`configuration value ${named.name} does not fit the object's variable`);
    return;
  }
  for (let i = 0; i < size; i++) data[off + i] = Number((value >> BigInt(i * 8)) & 0xffn);
}
