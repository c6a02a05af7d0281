import { boundText, signedLogPosition } from './range-scale.ts';

/** Signed bounds as a bar on the signed log scale, and written out. */
export function RangeBar({ smin, smax }: { smin: bigint; smax: bigint }) {
  const from = signedLogPosition(smin);
  const to = signedLogPosition(smax);
  return (
    <>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" className="range-bar" aria-hidden="true">
        <line x1="50" x2="50" y1="0" y2="8" />
        <rect x={from * 100} width={Math.max(1.5, (to - from) * 100)} y="2" height="4" rx="1" />
      </svg>
      <span className="small muted">{smin === smax ? boundText(smin) : `${boundText(smin)} … ${boundText(smax)}`}</span>
    </>
  );
}
