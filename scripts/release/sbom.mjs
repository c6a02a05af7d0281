// What a release is made of: a CycloneDX 1.6 bill of materials, and the licences of everything in it. `node scripts/release/sbom.mjs FOLDER` writes both.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../install.mjs';
import { shippedPackages } from './packages.mjs';

const purl = (name, version) => `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
const HASHES = { sha512: 'SHA-512', sha256: 'SHA-256', sha1: 'SHA-1' };

/** `integrity` of the lock file (base64) as CycloneDX writes hashes. */
function hashes(integrity) {
  if (!integrity) return [];
  const [algorithm, digest] = integrity.split('-', 2);
  return HASHES[algorithm] ? [{ alg: HASHES[algorithm], content: Buffer.from(digest, 'base64').toString('hex') }] : [];
}

/** The document, the same for the same packages: it holds no time. */
export function sbom(packages = shippedPackages()) {
  const { name, version, license, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const own = purl(name, version);
  const refs = new Set(packages.map((one) => purl(one.name, one.version)));
  const needed = new Set(
    packages.flatMap(({ needs }) => needs.map((need) => purl(need.slice(0, need.lastIndexOf('@')), need.slice(need.lastIndexOf('@') + 1)))),
  );
  const licenceOf = (licence) => (/[ (]/.test(licence) ? [{ expression: licence }] : [{ license: { id: licence } }]);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': own, name, version, description, licenses: licenceOf(license), purl: own } },
    components: packages.map((one) => ({
      type: 'library',
      'bom-ref': purl(one.name, one.version),
      name: one.name,
      version: one.version,
      licenses: licenceOf(one.licence),
      purl: purl(one.name, one.version),
      ...(one.integrity ? { hashes: hashes(one.integrity) } : {}),
      ...(one.resolved ? { externalReferences: [{ type: 'distribution', url: one.resolved }] } : {}),
    })),
    dependencies: [
      { ref: own, dependsOn: [...refs].filter((ref) => !needed.has(ref)) },
      ...packages.map((one) => ({
        ref: purl(one.name, one.version),
        dependsOn: one.needs
          .map((need) => purl(need.slice(0, need.lastIndexOf('@')), need.slice(need.lastIndexOf('@') + 1)))
          .filter((ref) => refs.has(ref)),
      })),
    ],
  };
}

/** Licences in full; packages of one text stand together. */
export function notices(packages = shippedPackages()) {
  const byText = new Map();
  for (const { name, version, licence, text } of packages) {
    const key = text ?? `Licence: ${licence}. The package holds no text of it.`;
    byText.set(key, [...(byText.get(key) ?? []), `${name} ${version} (${licence})`]);
  }
  const parts = [...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return `BPFormer contains or uses these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** Puts both beside the built page. @returns {import('vite').Plugin} */
export const bill = () => ({
  name: 'bill-of-materials',
  apply: 'build',
  generateBundle() {
    const packages = shippedPackages();
    this.emitFile({ type: 'asset', fileName: 'sbom.cdx.json', source: `${JSON.stringify(sbom(packages), null, 1)}\n` });
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source: notices(packages) });
  },
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? root;
  const packages = shippedPackages();
  writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom(packages), null, 1)}\n`);
  writeFileSync(join(folder, 'licences.txt'), notices(packages));
  console.log(`${packages.length} packages`);
}
