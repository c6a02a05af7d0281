/**
 * One operation, or a few that belong together, that may stand anywhere between others. A processor that multiplies once a cycle has time for two more operations beside each
 * product; side by side, where no product waits, each would cost half a cycle. What passes from tick to tick stays below two values, since products of four sums
 * leave two registers.
 */
export type Tick = () => void;

/** Spreads ticks evenly over `products`: what is to be called after each. Code of all of them must stand by itself; in the body of a loop they would not each come once. */
export function spread(ticks: readonly Tick[], products: number): () => void {
  let [made, done] = [0, 0];
  return () => {
    for (made++; done < ticks.length && done * products < ticks.length * made; done++) ticks[done]!();
  };
}
