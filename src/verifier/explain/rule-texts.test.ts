import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CLASS_TEXTS, CLASSES } from './classes.ts';
import { RULE_TEXTS, ruleOf } from './rule-texts.ts';
import { messageTemplates } from './testing/templates.ts';

const templates = messageTemplates(fileURLToPath(new URL('..', import.meta.url)));

describe('the rules', () => {
  it('name every message that the verifier has', () => {
    expect(templates.length).toBeGreaterThan(300);
    const unnamed = templates.filter(({ message }) => ruleOf(message) === null);
    expect(unnamed, 'each needs a rule in rule-texts.ts').toEqual([]);
  });

  it('each stand behind a message of the verifier or of a kernel', () => {
    const used = new Set(templates.map(({ message }) => ruleOf(message)!.match.source));
    // Messages of kernels whose wording the verifier builds from parts.
    for (const message of [
      "R0 invalid mem access 'map_value_or_null'",
      "R1 invalid mem access 'scalar'",
      'R1 type=sock expected=ctx',
      'cannot call GPL-restricted function from non-GPL compatible program',
      'dereference of modified ctx ptr R1 off=1 disallowed',
      'misaligned context access off (0x0; 0x0)+3 size 4',
      'misaligned stack access off 0+-20+0 size 8',
      'R1 type=scalar expected=fp',
    ])
      used.add(ruleOf(message)!.match.source);
    expect(RULE_TEXTS.filter((rule) => !used.has(rule.match.source)).map((rule) => rule.match.source)).toEqual([]);
  });

  it('put what the message says into what was found and what is allowed', () => {
    expect(ruleOf('jump out of range from insn 1 to 5')).toMatchObject({ class: 'control-flow', known: 'a jump from 1 to 5' });
    expect(ruleOf('R9 !read_ok')).toMatchObject({ class: 'uninitialised', allowed: 'r9 was given a value on every path that leads here' });
    expect(ruleOf('cannot pass map_type 24 into func bpf_map_lookup_elem#1')?.allowed).toContain('bpf_map_lookup_elem#1');
    expect(ruleOf('something that nobody has seen')).toBeNull();
  });

  it('belong to classes with texts of their own', () => {
    for (const rule of RULE_TEXTS) expect(CLASSES).toContain(rule.class);
    for (const key of ['title', 'why', 'change', 'allowed'] as const)
      expect(new Set(CLASSES.map((name) => CLASS_TEXTS[name][key])).size, key).toBeGreaterThan(CLASSES.length - 6);
  });
});
