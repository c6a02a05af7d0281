import { describe, expect, it } from 'vitest';
import { type Bill, sbom } from './sbom.mjs';

/** What CycloneDX 1.6 asks of the parts of a document that ours has (ECMA-424, and the constraints of its JSON schema), as sentences about what is wrong. */
function faults({ bomFormat, specVersion, version, metadata, components, dependencies }: Bill): string[] {
  const wrong: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) wrong.push(what);
  };
  must(bomFormat === 'CycloneDX' && specVersion === '1.6', 'format or version of the form');
  must(Number.isInteger(version) && version >= 1, 'version of the document');
  const all = [metadata.component, ...components];
  const refs = all.map((one) => one['bom-ref']);
  must(new Set(refs).size === refs.length, 'two components have one bom-ref');
  const lengths = { 'SHA-1': 40, 'SHA-256': 64, 'SHA-512': 128 };
  for (const one of all) {
    must(one.type === 'library' || one.type === 'application', `${one['bom-ref']}: type`);
    must(one.name !== '' && one.version !== '', `${one['bom-ref']}: name or version`);
    must(/^pkg:npm\/(%40[^/@]+\/)?[^/@]+@[^/@]+$/.test(one.purl), `${one['bom-ref']}: purl`);
    // Either one expression, or licences by their identifiers.
    must(one.licenses.length > 0, `${one['bom-ref']}: no licence`);
    must(one.licenses.length === 1 || one.licenses.every((licence) => 'license' in licence), `${one['bom-ref']}: licences`);
    for (const licence of one.licenses)
      must(
        'expression' in licence ? /[ (]/.test(licence.expression) : /^[A-Za-z0-9.+-]+$/.test(licence.license.id),
        `${one['bom-ref']}: licence`,
      );
    for (const { alg, content } of one.hashes ?? [])
      must(/^[0-9a-f]+$/.test(content) && content.length === lengths[alg as keyof typeof lengths], `${one['bom-ref']}: hash`);
    for (const { type, url } of one.externalReferences ?? [])
      must(type === 'distribution' && URL.canParse(url), `${one['bom-ref']}: where it comes from`);
  }
  const known = new Set(refs);
  must(new Set(dependencies.map(({ ref }) => ref)).size === dependencies.length, 'dependencies of a component stand twice');
  for (const { ref, dependsOn } of dependencies) {
    must(known.has(ref) && dependsOn.every((one) => known.has(one)), `${ref}: depends on what is not listed`);
    must(new Set(dependsOn).size === dependsOn.length, `${ref}: a dependency stands twice`);
  }
  return wrong;
}

describe('the bill of materials', () => {
  const bill = sbom();

  it('has the form of CycloneDX 1.6', () => {
    expect(bill.components.length).toBeGreaterThan(10);
    expect(faults(bill)).toEqual([]);
  });

  it('reaches every component from the application', () => {
    const needs = new Map(bill.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const reached = new Set<string>();
    const visit = (ref: string): void => {
      if (reached.has(ref)) return;
      reached.add(ref);
      needs.get(ref)?.forEach(visit);
    };
    visit(bill.metadata.component['bom-ref']);
    expect(bill.components.map((one) => one['bom-ref']).filter((ref) => !reached.has(ref))).toEqual([]);
  });

  it('is found at fault where a part of it is wrong', () => {
    const [first, second] = bill.components;
    const changed: Bill[] = [
      { ...bill, version: 0 },
      { ...bill, components: [first!, first!] },
      { ...bill, components: [{ ...first!, purl: 'react' }] },
      { ...bill, components: [{ ...first!, hashes: [{ alg: 'SHA-512', content: 'ab' }] }] },
      { ...bill, components: [{ ...first!, licenses: [{ license: { id: 'MIT OR X' } }] }] },
      { ...bill, dependencies: [{ ref: second!['bom-ref'], dependsOn: ['pkg:npm/nothing@1'] }] },
    ];
    for (const one of changed) expect(faults(one)).not.toEqual([]);
  });
});
