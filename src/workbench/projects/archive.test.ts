import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { EMPTY_PROJECT } from '../document.ts';
import { ARCHIVE_LIMITS, packArchive, unpackArchive } from './archive.ts';
import { readProject } from './project-file.ts';

const rest = async () => {};
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const text = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

describe('project files', () => {
  it('come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 6 }), fc.string(), async (all, project) => {
        const blobs = new Map(all.map((bytes) => [hashOf(bytes), bytes.slice()]));
        const file = await packArchive({ project, blobs }, rest);
        const back = await unpackArchive(file, 'x.bpformer', rest);
        expect(back.project).toBe(new TextDecoder().decode(new TextEncoder().encode(project)));
        expect(back.blobs).toEqual(blobs);
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  it('are refused with an InputError when a byte is changed or the end is missing, or are still whole', async () => {
    const bytes = text('some bytes of a trace, some bytes of a trace');
    const file = await packArchive({ project: '{"a":1}', blobs: new Map([[hashOf(bytes), bytes]]) }, rest);
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.nat(255), fc.boolean(), async (at, value, cut) => {
        const copy = cut ? file.slice(0, at) : file.slice();
        if (!cut) copy[at] = value;
        try {
          const parts = await unpackArchive(copy, 'x.bpformer', rest);
          for (const [hash, blob] of parts.blobs) expect(hashOf(blob)).toBe(hash);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { seed: 3, numRuns: 400 },
    );
  });

  it('are refused when they hold other names, too much, or bytes that are not those of their name', async () => {
    const refused = async (entries: Record<string, Uint8Array>) => unpackArchive(zipSync(entries), 'x.bpformer', rest);
    await expect(refused({ '../../evil': text('x') })).rejects.toThrow('which no project file does');
    await expect(refused({ 'blobs/x': text('x') })).rejects.toThrow('which no project file does');
    await expect(refused({ [`blobs/${'ab'.repeat(32)}`]: text('x') })).rejects.toThrow('no project.json');
    await expect(refused({ 'project.json': text('{}'), [`blobs/${'ab'.repeat(32)}`]: text('x') })).rejects.toThrow(
      'not those that its name says',
    );
    const many = Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`blobs/${hashOf(text(`${at}`))}`, text(`${at}`)]));
    await expect(refused(many)).rejects.toThrow('more than 64 files');
    // A bomb: 5 MB of blanks in a few kB.
    await expect(refused({ 'project.json': new Uint8Array(ARCHIVE_LIMITS.project + 1) })).rejects.toThrow('larger than 4 MiB');
  });

  it('unpack little at once, however much a few bytes stand for', async () => {
    const blanks = new Uint8Array(24 << 20);
    const bytes = zipSync({ 'project.json': text('{}'), [`blobs/${hashOf(blanks)}`]: blanks });
    const told: number[] = [];
    await unpackArchive(bytes, 'x.bpformer', async (done) => void told.push(done));
    expect(bytes.length).toBeLessThan(100_000);
    expect(Math.max(...told.map((done, at) => done - (told[at - 1] ?? 0)))).toBeLessThanOrEqual(16 * 1024);
  });

  it('say what is missing or unknown in the document', () => {
    const project = (change: object) =>
      JSON.stringify({ format: 'bpformer-project', version: 1, sample: null, doc: EMPTY_PROJECT, ...change });
    expect(readProject('x', project({}), new Map()).doc).toEqual(EMPTY_PROJECT);
    expect(() => readProject('x', project({ version: 2 }), new Map())).toThrow('newer BPFormer');
    expect(() => readProject('x', project({ format: 'zip' }), new Map())).toThrow('/format');
    expect(() => readProject('x', '{', new Map())).toThrow('is not JSON');
    const trace = { hash: 'ab'.repeat(32), name: 't.pcap', size: 1 };
    expect(() => readProject('x', project({ doc: { ...EMPTY_PROJECT, trace } }), new Map())).toThrow('the bytes of t.pcap are missing');
  });
});
