/** What a file is that is no capture we read, by its first bytes; null where they say nothing. */
export function fileKind(bytes: Uint8Array): { readonly what: string; readonly advice: string } | null {
  const head = String.fromCharCode(...bytes.subarray(0, 32));
  const found = KINDS.find(([magic]) => head.startsWith(magic));
  if (!found) return null;
  const [, what, advice] = found;
  return { what, advice: advice ?? CONVERT };
}

const CONVERT = 'Convert it with: editcap -F pcapng IN OUT';
const UNPACK = 'Unpack it first';

const KINDS: readonly (readonly [magic: string, what: string, advice?: string])[] = [
  ['snoop\0\0\0', 'a Solaris snoop capture'],
  ['btsnoop\0', 'a btsnoop capture of Bluetooth'],
  ['RTSS', 'a Network Monitor 1 capture'],
  ['GMBU', 'a Network Monitor 2 capture'],
  ['TRSNIFF data    \x1a', 'a Sniffer capture for DOS'],
  ['XCP\0', 'a NetXRay or Sniffer capture for Windows'],
  ['\xaa\xaa\xaa\xaa', 'a 5Views capture'],
  ['iptrace 1.0', 'an AIX iptrace capture'],
  ['iptrace 2.0', 'an AIX iptrace capture'],
  ['\x7fver', 'a Peek capture (EtherPeek, OmniPeek)'],
  ['\x05VNF', 'a Visual Networks capture'],
  ['\x42\xd2\x00\x34\x12\x66\x22\x88', 'a RADCOM capture'],
  ['\0\0\x02\0\x12\x05\0\x10', 'a Tektronix K12 capture'],
  ['\x54\x00\x00\x00', 'an HP-UX nettl capture'],
  ['LOGG', 'a Vector BLF log'],
  ['TTL ', 'a TTTech TTL log'],
  ['Ring', 'a Ascend or WAN trace'],
  ['EyeSdn', 'an EyeSDN capture'],
  ['\x04\x22\x4d\x18', 'a capture packed with LZ4', UNPACK],
  ['PK\x03\x04', 'a zip archive', UNPACK],
  ['BZh', 'packed with bzip2', UNPACK],
  ['\xfd7zXZ\0', 'packed with xz', UNPACK],
  ['7z\xbc\xaf', 'a 7z archive', UNPACK],
  ['\x93NUMPY', 'an array of NumPy', 'Open it as tensors'],
  ['\x7fELF', 'an object file', 'Open it as a program'],
  ['<?xml', 'an XML file (PDML?)', 'Open the capture that it was made from'],
  ['{', 'a JSON file', 'Open the capture that it was made from'],
  ['[', 'a JSON file', 'Open the capture that it was made from'],
  ['%PDF', 'a PDF file', 'Open a capture'],
  ['\x89PNG', 'an image', 'Open a capture'],
];
