import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { putBlob } from '../blobs.ts';
import { type DocHistory, EMPTY_PROJECT, edited, type ProjectDoc } from '../document.ts';
import { Conflict, type Depot, keptFiles, MemoryDepot } from './depot.ts';
import type { ProjectMeta } from './record.ts';
import { Session, type SessionEvents } from './session.ts';

const SILENT: SessionEvents = { saving: () => {}, saved: () => {}, failed: () => {} };
const ORIGIN = { how: 'file', sample: null } as const;
const at = (name: string): DocHistory => ({ past: [], doc: { ...EMPTY_PROJECT, name }, future: [] });

function session(depot: Depot, revision = 0, events: Partial<SessionEvents> = {}): Session {
  return new Session(depot, { id: 'p', origin: ORIGIN, createdAt: 1, revision, kept: null }, { ...SILENT, ...events });
}

const nameIn = async (depot: Depot) => ((await depot.read('p'))?.meta as ProjectMeta | undefined)?.name;

describe('Session', () => {
  it('writes blobs before the record that names them', async () => {
    const order: string[] = [];
    class Noting extends MemoryDepot {
      override async putBlob(hash: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
        await Promise.resolve();
        order.push('blob');
        return super.putBlob(hash, bytes);
      }
      override async save(meta: ProjectMeta, history: DocHistory): Promise<void> {
        order.push('record');
        return super.save(meta, history);
      }
    }
    const depot = new Noting();
    const trace = await putBlob('trace.pcap', Uint8Array.of(1, 2, 3));
    const own = session(depot);
    own.save({ past: [], doc: { ...EMPTY_PROJECT, trace }, future: [] });
    await own.flush();
    expect(order).toEqual(['blob', 'record']);
    expect(await depot.readBlob(trace.hash)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('keeps what failed and saves the newest state once there is room', async () => {
    let room = false;
    class Full extends MemoryDepot {
      override async save(meta: ProjectMeta, history: DocHistory): Promise<void> {
        if (!room) throw new DOMException('no room', 'QuotaExceededError');
        return super.save(meta, history);
      }
    }
    const depot = new Full();
    const failures: unknown[] = [];
    const own = session(depot, 0, { failed: (error) => failures.push(error) });
    own.save(at('first'));
    await own.flush();
    expect(failures).toHaveLength(1);
    expect(own.pending?.doc.name).toBe('first');
    own.save(at('second'));
    await own.flush();
    room = true;
    own.retry();
    await own.flush();
    expect(own.pending).toBeNull();
    expect(await nameIn(depot)).toBe('second');
  });

  it('never overwrites what another tab wrote, in any order of saves and take-overs', async () => {
    const step = fc.constantFrom('a saves', 'b saves', 'a takes over', 'b takes over', 'a leaves', 'b leaves');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const depot = new MemoryDepot();
        const first = session(depot);
        first.save(at('start'));
        await first.flush();
        /** What was written last, as the two tabs were told. */
        let last = 'start';
        let number = 0;
        const tabs: Record<string, Session> = {};
        const refused = new Set<string>();
        const claim = async (tab: string) => {
          const claimed = (await depot.claim('p'))!;
          expect((claimed.meta as ProjectMeta).name).toBe(last);
          refused.delete(tab);
          tabs[tab] = session(depot, claimed.revision, {
            saved: (meta) => {
              last = meta.name;
            },
            failed: (error) => {
              expect(error).toBeInstanceOf(Conflict);
              refused.add(tab);
            },
          });
        };
        await claim('a');
        let owner = 'a';
        for (const text of steps) {
          const [tab, ...rest] = text.split(' ') as [string, ...string[]];
          if (rest[0] === 'takes') {
            await claim(tab);
            owner = tab;
          } else if (tabs[tab]) {
            const name = `${tab}${++number}`;
            // A page that leaves sends its last save after one whose answer it has not heard.
            if (rest[0] === 'leaves') tabs[tab].save(at(`${name} almost`));
            tabs[tab].save(at(name));
            if (rest[0] === 'leaves') tabs[tab].flushNow();
            await tabs[tab].flush();
            // Whoever took the project over last is the only one whose saves arrive; the other keeps its state and is told.
            if (tab !== owner) {
              expect(refused.has(tab)).toBe(true);
              expect(tabs[tab].pending?.doc.name).toBe(name);
            } else expect(last).toBe(name);
          }
          expect(await nameIn(depot)).toBe(last);
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('does not bring a deleted project back', async () => {
    const depot = new MemoryDepot();
    const failures: unknown[] = [];
    const own = session(depot, 0, { failed: (error) => failures.push(error) });
    own.save(at('kept'));
    await own.flush();
    await depot.remove('p');
    own.save(at('later'));
    await own.flush();
    expect(failures[0]).toBeInstanceOf(Conflict);
    expect(await depot.read('p')).toBeNull();
  });
});

describe('sweeping', () => {
  it('spares what a step of undo names and takes what nothing names', async () => {
    const depot = new MemoryDepot();
    const [old, present, stray] = await Promise.all([1, 2, 3].map((byte) => putBlob(`${byte}`, Uint8Array.of(byte))));
    const before: ProjectDoc = { ...EMPTY_PROJECT, trace: old! };
    const own = session(depot);
    own.save(edited({ past: [], doc: before, future: [] }, { ...before, trace: present! }, 'open another trace'));
    await own.flush();
    await depot.putBlob(stray!.hash, Uint8Array.of(3));
    expect(await depot.sweep()).toBe(1);
    expect(await depot.readBlob(old!.hash)).not.toBeNull();
    expect(await depot.readBlob(stray!.hash)).toBeNull();
  });

  it('keeps the newest files that were opened, within bounds', () => {
    const file = (name: string, openedAt: number, size: number) => ({ hash: name, name, size, kind: 'model', openedAt });
    const mb = 2 ** 20;
    const files = [file('old', 1, mb), file('huge', 2, 100 * mb), ...[3, 4, 5, 6].map((time) => file(`big${time}`, time, 60 * mb))];
    expect(keptFiles(files).map(({ name }) => name)).toEqual(['big6', 'big5', 'big4', 'big3', 'old']);
    expect(keptFiles(Array.from({ length: 40 }, (_, time) => file(`${time}`, time, 1)))).toHaveLength(24);
  });
});
