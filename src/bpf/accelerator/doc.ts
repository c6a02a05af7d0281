import { ACCEL_FUNCTIONS } from './functions.ts';
import { ACCEL_HELPERS, ACCEL_KFUNCS } from './helpers.ts';
import { ACCEL_HOOK_DEFS, ACCEL_HOOKS } from './hooks.ts';
import { CONTEXT_LAYOUT, type Layout, TENSOR_LAYOUT } from './layout.ts';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const fieldsOf = ({ fields }: Layout): string =>
  table(
    ['offset', 'field', 'type', 'what it says'],
    fields.map(({ byteOff, name, type, count, doc }) => {
      const word = type === 'tensor' ? 'struct accel_tensor' : `__${type}`;
      return [String(byteOff), `\`${name}\``, `\`${word}${count > 1 ? `[${count}]` : ''}\``, doc];
    }),
  );

const C_TYPES = { ctx: 'struct bpf_context *', u32: '__u32 ', u64: '__u64 ', mem: 'const void *', out: 'void *', size: '__u32 ' } as const;
const RETURNS = { abort: 'a negative errno (aborts)', defer: '1 `ACCEL_DEFER`', reorder: '2 `ACCEL_REORDER`' } as const;

/** The tables of docs/accelerator.md, by the name of the place that they stand at (`scripts/gen-accelerator.ts` puts them there). */
export function accelTables(): Readonly<Record<string, string>> {
  const functions = [...ACCEL_FUNCTIONS.values()];
  return {
    command: fieldsOf(CONTEXT_LAYOUT),
    tensor: fieldsOf(TENSOR_LAYOUT),
    hooks: table(
      ['hook', 'runs', 'may write', 'may return beside 0'],
      ACCEL_HOOKS.map((hook) => {
        const { when, writes, returns } = ACCEL_HOOK_DEFS[hook];
        return [
          `\`${hook}\``,
          when,
          writes.map((name) => `\`${name}\``).join(', ') || 'nothing',
          returns.map((kind) => RETURNS[kind]).join(', ') || 'nothing',
        ];
      }),
    ),
    functions: table(
      ['function', 'what it does', 'hooks'],
      functions.map(({ name, params, returns, hooks, doc }) => {
        const list = params.map(({ kind, name: param }) => `${C_TYPES[kind]}${param}`).join(', ') || 'void';
        const where = hooks.length === ACCEL_HOOKS.length ? 'all' : hooks.map((hook) => `\`${hook}\``).join(', ');
        return [`\`${returns === 'u64' ? '__u64' : 'int'} ${name}(${list})\``, doc, where];
      }),
    ),
    helpers: table(
      ['helper', 'what for'],
      [
        ...[...ACCEL_HELPERS.values()].map(({ name, doc }) => [`\`${name}\``, doc]),
        [[...ACCEL_KFUNCS].map((name) => `\`${name}\``).join(', '), 'a loop over numbers'],
      ],
    ),
  };
}
