import { EBUSY, EINVAL } from './machine.ts';
import type { VmMapCore } from './maps.ts';
import type { Saved } from './saved.ts';

/** BPF_F_TIMER_ABS and BPF_F_TIMER_CPU_PIN */
const ABSOLUTE = 1;
const FLAGS = 3;

interface Timer {
  readonly map: VmMapCore;
  /** Code entry of the callback. */
  entry: number | null;
  /** When it fires, in nanoseconds of the virtual clock. */
  due: number | null;
}

/** Timers in map values, by their address, on the virtual clock. */
export class Timers {
  readonly #timers = new Map<number, Timer>();

  init(address: number, map: VmMapCore): number {
    if (this.#timers.has(address)) return -EBUSY;
    this.#timers.set(address, { map, entry: null, due: null });
    return 0;
  }

  setCallback(address: number, entry: number): number {
    const timer = this.#timers.get(address);
    if (!timer) return -EINVAL;
    timer.entry = entry;
    return 0;
  }

  start(address: number, ns: number, flags: number, now: number): number {
    const timer = this.#timers.get(address);
    if (flags > FLAGS || timer?.entry == null) return -EINVAL;
    timer.due = flags & ABSOLUTE ? ns : now + ns;
    return 0;
  }

  /** 1 when the timer was running. */
  cancel(address: number): number {
    const timer = this.#timers.get(address);
    if (!timer) return -EINVAL;
    const running = timer.due !== null;
    timer.due = null;
    return running ? 1 : 0;
  }

  /** Forgets the timers of `size` bytes at `address`, whose value is gone. */
  forget(address: number, size: number): void {
    for (const at of this.#timers.keys()) if (at >= address && at < address + size) this.#timers.delete(at);
  }

  save(): Saved {
    const timers = [...this.#timers].map(([address, timer]) => [address, { ...timer }] as const);
    return {
      bytes: timers.length * 64,
      restore: () => {
        this.#timers.clear();
        for (const [address, timer] of timers) this.#timers.set(address, { ...timer });
      },
    };
  }

  clear(): void {
    this.#timers.clear();
  }

  /** Takes the timer that is due first, at `until` at the latest, with what its callback gets. */
  next(until: number): { due: number; entry: number; map: VmMapCore; key: Uint8Array; value: number } | null {
    let first: [number, Timer] | null = null;
    for (const found of this.#timers) {
      const { due } = found[1];
      if (due !== null && due <= until && (!first || due < first[1].due!)) first = found;
    }
    if (!first) return null;
    const [address, timer] = first;
    const due = timer.due!;
    timer.due = null;
    const owner = timer.map.ownerOf?.(address);
    if (!owner) {
      this.#timers.delete(address);
      return this.next(until);
    }
    return { due, entry: timer.entry!, map: timer.map, ...owner };
  }
}
