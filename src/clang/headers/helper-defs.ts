import { HELPERS } from '../../bpf/helpers.ts';

const WIDTHS: readonly [RegExp, string][] = [
  [/\bu(8|16|32|64)\b/g, '__u$1'],
  [/\bs(8|16|32|64)\b/g, '__s$1'],
];

/** A constant pointer for each helper of the table, whose value is the helper's number: a call through it becomes `call N`. */
export function helperDefinitions(): string {
  const structs = new Set<string>();
  const lines: string[] = [];
  for (const { id, name, signature } of HELPERS) {
    if (id === 0 || signature === '') continue;
    for (const [, struct] of signature.matchAll(/struct (\w+)/g)) structs.add(struct!);
    const open = signature.indexOf('(');
    const c = (text: string): string => WIDTHS.reduce((sum, [from, to]) => sum.replace(from, to), text);
    lines.push(`static ${c(signature.slice(0, open).trim())} (* const ${name})${c(signature.slice(open))} = (void *) ${id};`);
  }
  const forwards = [...structs].sort().map((name) => `struct ${name};`);
  return ['#ifndef __BPF_HELPER_DEFS_H__', '#define __BPF_HELPER_DEFS_H__', ...forwards, ...lines, '#endif', ''].join('\n');
}
