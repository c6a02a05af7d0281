import { randomOf } from '../../base/random.ts';

/** Types of variables: bits, and whether they have a sign. */
const TYPES = [
  ['__u8', 8, false],
  ['__s8', 8, true],
  ['__u16', 16, false],
  ['__s16', 16, true],
  ['__u32', 32, false],
  ['__s32', 32, true],
  ['__u64', 64, false],
  ['__s64', 64, true],
] as const;
type CType = (typeof TYPES)[number];

interface Scope {
  readonly variables: { name: string; type: CType; writable: boolean }[];
  depth: number;
  loops: number;
  budget: number;
}

/**
 * One random function `__u64 NAME(const struct input *in)` without undefined behaviour: arithmetic is done without a sign, shifts and indices are masked, divisors are
 * never 0, loops have few rounds. `signedDivision` says whether the instruction set has it.
 */
class FunctionGenerator {
  private readonly random: () => number;
  private readonly signedDivision: boolean;
  private readonly atomics: boolean;
  private next = 0;
  private readonly lines: string[] = [];
  private indent = 1;

  constructor(random: () => number, signedDivision: boolean, atomics: boolean) {
    this.random = random;
    this.signedDivision = signedDivision;
    this.atomics = atomics;
  }

  function(name: string): string {
    const scope: Scope = { variables: [], depth: 0, loops: 0, budget: 9 };
    this.emit('__u64 h = 14695981039346656037ull;');
    for (let i = 0; i < 4; i++) this.declare(scope, i < 3 ? `in->v[${this.below(8)}]` : this.constant());
    this.emit(`struct mixed s = { .a = (__u8)in->v[0], .x = (__u32)in->v[1], .y = (__u64)in->v[2] };`);
    this.emit(`__u32 list[8] = { (__u32)in->v[3], 5, (__u32)in->v[4] >> 3, 7 };`);
    while (scope.budget > 0) this.statement(scope);
    for (const { name: variable } of scope.variables) this.emit(`h = mix(h, (__u64)${variable});`);
    this.emit('h = mix(h, s.a + s.bits + ((__u64)s.x << 8) + s.y + (__u64)(__s64)s.c);');
    this.emit('for (int i = 0; i < 8; i++) h = mix(h, list[i]);');
    this.emit('return h;');
    return `static __noinline __u64 ${name}(const struct input *in)\n{\n${this.lines.join('\n')}\n}\n`;
  }

  private emit(line: string): void {
    this.lines.push(`${'  '.repeat(this.indent)}${line}`);
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  private constant(): string {
    switch (this.below(5)) {
      case 0:
        return String(this.below(10));
      case 1:
        return String(this.below(0x1_0000));
      case 2:
        return `0x${(this.below(0x1_0000_0000) >>> 0).toString(16)}u`;
      case 3:
        return `0x${(this.below(0x1_0000_0000) >>> 0).toString(16)}${(this.below(0x1_0000_0000) >>> 0).toString(16).padStart(8, '0')}ull`;
      default:
        return this.pick([
          '1',
          '0x7f',
          '0xff',
          '0x80',
          '0xffff',
          '0x7fffffff',
          '0x80000000u',
          '0xffffffffu',
          '0x8000000000000000ull',
          '~0ull',
        ]);
    }
  }

  private declare(scope: Scope, value: string): void {
    const type = this.pick(TYPES);
    const name = `v${this.next++}`;
    this.emit(`${type[0]} ${name} = (${type[0]})(${value});`);
    scope.variables.push({ name, type, writable: true });
  }

  private variable(scope: Scope): { name: string; type: CType } {
    return this.pick(scope.variables);
  }

  /** An expression whose value any type may take. */
  private value(scope: Scope, depth: number): string {
    if (depth <= 0 || this.random() < 0.2) {
      switch (this.below(6)) {
        case 0:
          return this.constant();
        case 1:
          return `in->v[${this.below(8)}]`;
        case 2:
          return `list[${this.variable(scope).name} & 7]`;
        case 3:
          return this.pick(['s.a', 's.bits', 's.x', 's.y', '(__u64)(__s64)s.c', '(__u64)s.flag']);
        default:
          return `(__u64)${this.variable(scope).name}`;
      }
    }
    const a = this.value(scope, depth - 1);
    const b = this.value(scope, depth - 1);
    const u = this.pick(['__u32', '__u64', '__u16', '__u8'] as const);
    const s = this.pick(['__s32', '__s64', '__s16', '__s8'] as const);
    const bits = Number(u.slice(3));
    switch (this.below(19)) {
      case 0:
      case 1:
        return `(${u})((${u})(${a}) ${this.pick(['+', '-'])} (${u})(${b}))`;
      case 2:
        return `(${u})((__u64)(${u})(${a}) * (${u})(${b}))`;
      case 3:
        return `((${u})(${a}) ${this.pick(['/', '%'])} (${u})((${b}) | 1))`;
      case 4:
        return `((${a}) ${this.pick(['&', '|', '^'])} (${b}))`;
      case 5:
        return `(${u})((__u64)(${u})(${a}) << ((${b}) & ${bits - 1}))`;
      case 6:
        return `((${u})(${a}) >> ((${b}) & ${bits - 1}))`;
      case 7:
        return `(__u64)((${s})(${a}) >> ((${b}) & ${Number(s.slice(3)) - 1}))`;
      case 8:
        return `((${u})(${a}) ${this.pick(['<', '<=', '>', '>=', '==', '!='])} (${u})(${b}))`;
      case 9:
        return `((${s})(${a}) ${this.pick(['<', '<=', '>', '>='])} (${s})(${b}))`;
      case 10:
        return `(${this.condition(scope, depth - 1)} ? (__u64)(${a}) : (__u64)(${b}))`;
      case 11:
        return `(__u64)(__s64)(${s})(${a})`;
      case 12:
        return `(__u64)(${u})~(${a})`;
      case 13:
        return this.pick([
          `(__u64)__builtin_bswap64(${a})`,
          `(__u64)__builtin_bswap32((__u32)(${a}))`,
          `(__u64)__builtin_bswap16((__u16)(${a}))`,
        ]);
      case 14:
        return this.pick([
          `(__u64)__builtin_popcountll(${a})`,
          `(__u64)__builtin_popcount((__u32)(${a}))`,
          `(__u64)__builtin_clzll((${a}) | 1)`,
          `(__u64)__builtin_ctzll((${a}) | (1ull << 63))`,
          `(__u64)__builtin_clz((__u32)(${a}) | 1)`,
          `(__u64)__builtin_ctz((__u32)(${a}) | 0x80000000u)`,
        ]);
      case 15:
        return this.signedDivision
          ? `(__u64)((${s})(${a}) ${this.pick(['/', '%'])} (${s})(((${b}) & 0x3f) + 1))`
          : `(__u64)((__u32)(${a}) / ${this.below(1000) + 1}u)`;
      case 16:
        return `(__u64)helper${this.below(4)}((__u32)(${a}), ${b})`;
      case 17:
        return `(((__u64)(${a}) << 8) | ((__u8)(${b})))`;
      default:
        return `({ ${u} t = (${u})(${a}); ${u} w = (${u})(${b}); t ${this.pick(['<', '>'])} w ? t : w; })`;
    }
  }

  private condition(scope: Scope, depth: number): string {
    const a = this.value(scope, depth);
    const b = this.value(scope, depth);
    const compare = `((${this.pick(['__u32', '__s32', '__u64', '__s64', '__u8', '__s8'])})(${a}) ${this.pick(['<', '>', '==', '!=', '<=', '>='])} (${this.pick(['__u32', '__s32'])})(${b}))`;
    if (depth <= 0 || this.random() < 0.5) return compare;
    return `(${compare} ${this.pick(['&&', '||'])} ${this.condition(scope, depth - 1)})`;
  }

  private assign(scope: Scope): void {
    const { name, type } = this.variable(scope);
    const value = this.value(scope, 2);
    this.emit(`${name} = (${type[0]})(${value});`);
  }

  private statement(scope: Scope): void {
    scope.budget--;
    switch (this.below(scope.depth > 2 ? 9 : 15)) {
      case 0:
      case 1:
        this.assign(scope);
        return;
      case 2:
        this.emit(`list[${this.variable(scope).name} & 7] = (__u32)(${this.value(scope, 2)});`);
        return;
      case 3:
        this.emit(`s.${this.pick(['a', 'bits', 'x', 'y', 'c', 'flag'])} = ${this.value(scope, 2)};`);
        return;
      case 4:
        this.emit(`{ volatile __u32 hold = (__u32)(${this.value(scope, 1)}); h = mix(h, hold); }`);
        return;
      case 5: {
        const from = this.below(4);
        const words = 1 + this.below(4);
        this.emit(
          this.pick([
            `__builtin_memcpy(&list[0], &list[4], ${4 * words});`,
            `__builtin_memset(&list[${from}], ${this.below(256)}, ${1 + this.below(16)});`,
            `{ struct mixed t = s; t.x += 3; s = t; }`,
            `__builtin_memmove((char *)list + ${from}, list, ${1 + this.below(20)});`,
          ]),
        );
        return;
      }
      case 6:
        if (this.atomics)
          this.emit(
            this.pick([
              `h = mix(h, __sync_fetch_and_add(&s.y, ${this.value(scope, 1)}));`,
              `h = mix(h, __sync_fetch_and_xor(&list[${this.below(8)}], (__u32)(${this.value(scope, 1)})));`,
              `h = mix(h, __sync_val_compare_and_swap(&s.y, s.y, (__u64)(${this.value(scope, 1)})));`,
              `h = mix(h, __sync_lock_test_and_set(&list[${this.below(8)}], (__u32)(${this.value(scope, 1)})));`,
              `__sync_fetch_and_or(&s.y, (__u64)(${this.value(scope, 1)}));`,
            ]),
          );
        else this.emit(`__sync_fetch_and_add(&s.y, (__u64)(${this.value(scope, 1)}));`);
        return;
      case 7:
        this.emit(`h = mix(h, ${this.value(scope, 2)});`);
        return;
      case 8:
        this.emit(`shared[${this.variable(scope).name} & 15] += ${this.value(scope, 1)}; h = mix(h, shared[${this.below(16)}]);`);
        return;
      case 9:
      case 10:
        this.block(scope, `if (${this.condition(scope, 2)})`);
        if (this.random() < 0.5) this.block(scope, 'else');
        return;
      case 11:
      case 12:
        if (scope.loops < 2) this.loop(scope);
        else this.assign(scope);
        return;
      case 13:
        this.switch(scope);
        return;
      default:
        this.declare(scope, this.value(scope, 2));
    }
  }

  private block(scope: Scope, head: string, first: readonly string[] = []): void {
    this.emit(`${head} {`);
    this.indent++;
    for (const line of first) this.emit(line);
    const known = scope.variables.length;
    scope.depth++;
    for (let n = 1 + this.below(3); n > 0; n--) this.statement(scope);
    scope.depth--;
    scope.variables.length = known;
    this.indent--;
    this.emit('}');
  }

  private loop(scope: Scope): void {
    const counter = `i${this.next++}`;
    const rounds = 1 + this.below(5);
    scope.loops++;
    const leave = this.random() < 0.3 ? [`if (${this.condition(scope, 1)}) ${this.pick(['break', 'continue'])};`] : [];
    const limit = this.random() < 0.5 ? String(rounds) : `(int)(${this.variable(scope).name} & 3)`;
    this.block(scope, `for (int ${counter} = 0; ${counter} < ${limit}; ${counter}++)`, leave);
    scope.loops--;
  }

  private switch(scope: Scope): void {
    this.emit(`switch (${this.pick(['(__u32)', '(__u8)', '(__u64)', '(__s32)'])}(${this.value(scope, 1)}) & 15) {`);
    this.indent++;
    const cases = [...new Set(Array.from({ length: 2 + this.below(7) }, () => this.below(16)))];
    for (const at of cases) {
      this.emit(`case ${at}:`);
      this.indent++;
      this.assign(scope);
      if (this.random() < 0.8) this.emit('break;');
      this.indent--;
    }
    this.emit('default:');
    this.indent++;
    this.assign(scope);
    this.indent -= 2;
    this.emit('}');
  }
}

/** What generated and written functions share. */
export const PRELUDE = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct input { __u64 v[8]; };
struct mixed { __u8 a; __u8 bits : 5; __u8 flag : 1; __s16 c; __u32 x; __u64 y; };
static __u64 shared[16];
static __always_inline __u64 mix(__u64 h, __u64 x) { return (h ^ x) * 1099511628211ull + (h >> 47); }
static __noinline __u32 helper0(__u32 a, __u64 b) { return a * 3 + (__u32)(b >> 32); }
static __noinline __u64 helper1(__u32 a, __u64 b) { return (b ^ a) + 17; }
static __noinline __s32 helper2(__u32 a, __u64 b) { return (__s32)(a - (__u32)b); }
static __noinline __u8 helper3(__u32 a, __u64 b) { return (__u8)(a ^ b); }
`;

/** A program that gives a function its inputs out of the packet and puts the result there. */
export const driver = (name: string): string => `SEC("xdp") int run_${name}(struct xdp_md *ctx)
{
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 64 > end) return 1;
  struct input in;
  for (int i = 0; i < 8; i++) in.v[i] = ((__u64 *)data)[i];
  __builtin_memset(shared, 0, sizeof(shared));
  *(__u64 *)data = ${name}(&in);
  return 2;
}
`;

export const LICENSE = 'char LICENSE[] SEC("license") = "GPL";\n';

/** The written functions of `testdata/functions.c` (each begins `TEST(name)`) as one source. */
export function writtenSource(functions: string, more = ''): { source: string; names: string[] } {
  const names = [...`${functions}${more}`.matchAll(/^TEST\((\w+)\)/gm)].map(([, name]) => name!);
  const macro = '#define TEST(name) static __noinline __u64 name(const struct input *in)\n';
  return { source: `${PRELUDE}${macro}${functions}${more}${names.map(driver).join('')}${LICENSE}`, names };
}

/** `count` random functions from a seed, each with its program, as one source. */
export function generateSource(seed: number, count: number, cpu: string): { source: string; names: string[] } {
  const random = randomOf(seed);
  const names = Array.from({ length: count }, (_, i) => `f${seed}_${i}`);
  const hasAtomics = cpu === 'v3' || cpu === 'v4';
  const bodies = names.map((name) => new FunctionGenerator(random, cpu === 'v4', hasAtomics).function(name) + driver(name));
  return { source: PRELUDE + bodies.join('') + LICENSE, names };
}
