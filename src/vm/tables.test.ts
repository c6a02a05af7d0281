import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { helperName } from '../bpf/helper-names.ts';
import { mapTypeName } from '../bpf/maps.ts';
import { PROG_TYPE_NAMES } from '../bpf/progtypes.ts';
import { contextKind } from './context.ts';
import './vm.ts';
import { TAIL_CALL } from './helpers.ts';
import { HELPERS, KFUNCS, MAP_KINDS } from './parts.ts';

const doc = readFileSync(new URL('../../docs/engine.md', import.meta.url), 'utf8');

/** Names between the backquotes of the paragraph that begins with `title`. */
function listed(title: string): string[] {
  const start = doc.indexOf(`**${title}**`);
  expect(start, title).toBeGreaterThan(-1);
  return [...doc.slice(start, doc.indexOf('\n\n', start)).matchAll(/`([a-z0-9_]+)`/g)].map(([, name]) => name);
}

it.each([
  ['Helpers', [...HELPERS.keys(), TAIL_CALL].map((id) => helperName(id)!.replace('bpf_', ''))],
  ['Kernel functions', [...KFUNCS.keys()]],
  ['Maps', [...MAP_KINDS.keys()].map(mapTypeName)],
  [
    'Packets',
    PROG_TYPE_NAMES.filter((_, type) => contextKind(type) === 'xdp' || contextKind(type).startsWith('skb')).filter(
      (name) => name !== 'unspec',
    ),
  ],
])('%s that docs/engine.md lists are those of the machine', (title, names) => {
  expect(listed(title).sort()).toEqual([...names].sort());
});
