import { hexText, ipv4Text, ipv6Text, macText } from '../addresses.ts';
import type { Dissection } from './dissection.ts';
import { FIELDS, type FieldType, fieldId } from './fields.ts';

const HEX_DIGITS: Partial<Record<FieldType, number>> = { u8x: 2, u16x: 4, u24x: 6, u32x: 8 };

const VXLAN_FLAGS = fieldId('vxlan.flags');
const ESCAPES: Readonly<Record<string, string>> = { '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** An item's value as `tshark -T fields` writes it; empty for protocols and lines of text. */
export function fieldText(out: Dissection, at: number): string {
  const { type } = FIELDS[out.field[at]!]!;
  switch (type) {
    case 'protocol':
    case 'text':
      return '';
    case 'string':
      return (out.text[at] ?? '').replace(/[\b\f\n\r\t]/g, (char) => ESCAPES[char]!);
    case 'ipv4':
      return ipv4Text(out.bytes(at), 0);
    case 'ipv6':
      return ipv6Text(out.bytes(at), 0);
    case 'ether':
      return macText(out.bytes(at), 0);
    case 'bytes:':
      return hexText(out.bytes(at)).replace(/..(?=.)/g, '$&:');
    case 'bytes':
      return hexText(out.bytes(at)) || '<MISSING>';
    case 'time':
      return timeText(out.value[at]!, out.nanoseconds[at]!);
    default: {
      // Of one byte in the generic extension, which Wireshark gives no other name.
      const digits = out.field[at] === VXLAN_FLAGS ? 2 * out.length[at]! : HEX_DIGITS[type];
      const value = out.value[at]!;
      return digits === undefined ? String(value) : `0x${value.toString(16).padStart(digits, '0')}`;
    }
  }
}

/** Both parts have one sign. */
function timeText(seconds: number, nanoseconds: number): string {
  const sign = seconds < 0 || nanoseconds < 0 ? '-' : '';
  return `${sign}${Math.abs(seconds)}.${String(Math.abs(nanoseconds)).padStart(9, '0')}`;
}
