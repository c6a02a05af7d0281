import type { Command } from './command.ts';
import { Device } from './device.ts';
import type { Parameters } from './parameters.ts';
import type { HookProgram } from './runner.ts';

/** A pass with so many programs attached. Times are modelled; instructions are the engine's count. */
export interface OverheadPoint {
  readonly programs: number;
  /** From submitting the pass until its last command is done. */
  readonly passNs: number;
  /** Beyond the pass without programs. */
  readonly overheadNs: number;
  readonly runs: number;
  readonly insns: number;
  /** Of all runs, on whichever core and whether anything waited for them or not. */
  readonly engineNs: number;
}

export interface LinearFit {
  readonly slope: number;
  readonly intercept: number;
  /** Share of the variance that the line explains; 1 where there is none. */
  readonly r2: number;
}

/** The line with the least squares through points. */
export function linearFit(xs: readonly number[], ys: readonly number[]): LinearFit {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  let [sxy, sxx, syy] = [0, 0, 0];
  xs.forEach((x, i) => {
    sxy += (x - mx) * (ys[i]! - my);
    sxx += (x - mx) ** 2;
    syy += (ys[i]! - my) ** 2;
  });
  const slope = sxx === 0 ? 0 : sxy / sxx;
  return { slope, intercept: my - slope * mx, r2: sxx === 0 || syy === 0 ? 1 : sxy ** 2 / (sxx * syy) };
}

export interface OverheadOptions {
  /** Puts what the pass needs into the memory of a new device and gives its commands. */
  readonly pass: (device: Device) => readonly Command[];
  /** Program number `at` of those attached. */
  readonly program: (at: number) => HookProgram;
  /** How many are attached, one device for each. */
  readonly counts: readonly number[];
  readonly parameters?: Partial<Parameters>;
}

/** What attached programs cost a pass, by their number, with the line through the points. */
export function overheadCurve({ pass, program, counts, parameters }: OverheadOptions): { points: OverheadPoint[]; fit: LinearFit } {
  const run = (programs: number): Omit<OverheadPoint, 'overheadNs'> => {
    const device = new Device(parameters);
    for (let at = 0; at < programs; at++) device.attach(program(at));
    device.submit(pass(device));
    device.run();
    const sum = (field: 'runs' | 'insns' | 'ns'): number => device.metrics.programs.reduce((total, cost) => total + cost[field], 0);
    return { programs, passNs: device.nowNs, runs: sum('runs'), insns: sum('insns'), engineNs: sum('ns') };
  };
  const base = run(0);
  const points = counts.map((count) => {
    const point = count === 0 ? base : run(count);
    return { ...point, overheadNs: point.passNs - base.passNs };
  });
  return {
    points,
    fit: linearFit(
      counts,
      points.map(({ overheadNs }) => overheadNs),
    ),
  };
}
