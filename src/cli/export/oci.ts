import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const BLOCK = 512;

/** A tar archive (ustar) of one file at its root, the same bytes every time: no owner, no time. */
export function tarOf(name: string, content: Uint8Array): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const put = (off: number, text: string): void => header.set(new TextEncoder().encode(text), off);
  const octal = (off: number, digits: number, value: number): void => put(off, value.toString(8).padStart(digits, '0'));
  put(0, name);
  octal(100, 7, 0o644);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, content.length);
  octal(136, 11, 0);
  put(148, ' '.repeat(8));
  put(156, '0');
  put(257, 'ustar\0');
  put(263, '00');
  octal(
    148,
    6,
    header.reduce((sum, byte) => sum + byte, 0),
  );
  header[154] = 0;
  const room = Math.ceil(content.length / BLOCK) * BLOCK;
  // Two empty blocks end an archive.
  const archive = new Uint8Array(BLOCK + room + 2 * BLOCK);
  archive.set(header);
  archive.set(content, BLOCK);
  return archive;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface ImageOptions {
  /** Name of the file at the root of the only layer. */
  readonly name: string;
  readonly content: Uint8Array;
  readonly labels: Readonly<Record<string, string>>;
  /** What `skopeo` and registries call it. */
  readonly tag: string;
}

/**
 * An image of one layer as files of an OCI image layout (opencontainers/image-spec, image-layout.md), by path. Compiled programs are of no processor's kind but little-endian;
 * `amd64` stands there because the configuration must name one.
 */
export function imageLayout({ name, content, labels, tag }: ImageOptions): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const blob = (bytes: Uint8Array, mediaType: string) => {
    const digest = sha256(bytes);
    files.set(`blobs/sha256/${digest}`, bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const archive = tarOf(name, content);
  const layer = blob(new Uint8Array(gzipSync(archive)), 'application/vnd.oci.image.layer.v1.tar+gzip');
  const config = blob(
    json({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(archive)}`] },
    }),
    'application/vnd.oci.image.config.v1+json',
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = blob(json({ schemaVersion: 2, mediaType, config, layers: [layer] }), mediaType);
  files.set('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  const index = 'application/vnd.oci.image.index.v1+json';
  const manifests = [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } }];
  files.set('index.json', json({ schemaVersion: 2, mediaType: index, manifests }));
  return files;
}
