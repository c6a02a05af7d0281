/** Text of bpf_trace_printk: up to three arguments, in the conversions that the kernel allows. */
export function formatPrintk(format: Uint8Array, args: readonly bigint[]): string {
  const end = format.indexOf(0);
  const text = new TextDecoder('latin1').decode(end < 0 ? format : format.subarray(0, end));
  let next = 0;
  return text.replace(
    /%(?:%|([-0# ]*)([1-9]\d*|)(ll|l|)([diuxXpc]))/g,
    (whole, flags: string, width: string, long: string, kind: string) => {
      if (whole === '%%') return '%';
      const value = BigInt.asUintN(long || kind === 'p' ? 64 : 32, args[next++] ?? 0n);
      const shown = convert(value, long ? 64 : 32, kind);
      const pad = flags.includes('0') ? '0' : ' ';
      return flags.includes('-') ? shown.padEnd(Number(width)) : shown.padStart(Number(width), pad);
    },
  );
}

function convert(value: bigint, bits: number, kind: string): string {
  switch (kind) {
    case 'd':
    case 'i':
      return BigInt.asIntN(bits, value).toString();
    case 'u':
      return value.toString();
    case 'x':
      return value.toString(16);
    case 'X':
      return value.toString(16).toUpperCase();
    case 'c':
      return String.fromCharCode(Number(value & 0xffn));
    default:
      return `0x${value.toString(16)}`;
  }
}
