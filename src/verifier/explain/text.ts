import type { Explanation } from './explain.ts';

const ROLES: Readonly<Record<string, string>> = {
  made: '·',
  moved: '·',
  decision: '?',
  proof: '+',
  lost: '!',
  fault: 'x',
};

/** The explanation as text. */
export function explanationText(found: Explanation): string {
  const lines = [found.title, ''];
  const where = found.insnIdx === null ? 'the program as a whole' : `instruction ${found.insnIdx}: ${found.code}`;
  lines.push(`  at ${where}`);
  const { line, labels } = found.source;
  if (line) lines.push(`  from ${line.file}:${line.line}: ${line.text.trim()}`);
  if (labels.length > 0) lines.push(`  serves ${labels.join(', ')}`);
  lines.push(`  the verifier says: ${found.message}`);
  if (found.known) lines.push(`  ${found.subject ? `known about ${found.subject}` : 'found'}: ${factText(found.known)}`);
  if (found.allowed) lines.push(`  needed: ${found.allowed.text}`);
  if (found.story.length > 0) {
    lines.push('', found.cut ? 'How it came to this (the last steps of many):' : 'How it came to this:');
    const wide = Math.max(...found.story.map((step) => String(step.insnIdx).length));
    for (const step of found.story)
      lines.push(`  ${ROLES[step.role]} ${String(step.insnIdx).padStart(wide)}: ${step.code}`, `    ${' '.repeat(wide)}${step.text}`);
  }
  if (found.provedAt !== null && found.lostAt !== null && found.lostAt !== found.provedAt)
    lines.push('', `Something was proved at instruction ${found.provedAt}; instruction ${found.lostAt} lost it.`);
  lines.push('', `Why: ${found.why}`, `What to change: ${found.change}`);
  found.fixes.forEach((fix, i) => {
    lines.push(
      `${i === 0 ? '\nEdits that the verifier accepts:\n' : ''}  ${i + 1}. ${fix.title} (${fix.size} ${fix.size === 1 ? 'instruction' : 'instructions'})`,
    );
  });
  return `${lines.join('\n')}\n`;
}

function factText(fact: { readonly text: string; readonly min?: bigint; readonly max?: bigint }): string {
  if (fact.min === undefined || fact.max === undefined || /^(scalar|-?\d|0x)/.test(fact.text)) return fact.text;
  return `${fact.text}; the access begins between ${fact.min} and ${fact.max}`;
}
