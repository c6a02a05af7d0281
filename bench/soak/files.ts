/** Files that the random user opens: good ones of many kinds, and some that are cut or changed. */
export interface SoakFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

const GOOD = [
  'payload/payload-ids.onnx',
  'payload/heldout.pcap',
  'payload/binding.json',
  'motion/model.onnx',
  'motion/trace.npy',
  'motion/labels.npy',
  'flows/flows.onnx',
  'flows/heldout.pcap',
  'flows/binding.json',
  'syscalls/heldout.strace',
  'accelerator/scorer.onnx',
  'rejected/unchecked.s',
  'rejected/count-flows.log',
  'rejected/count-flows.c',
];
/** Packets of a capture that a user opens; all of them would take most of the hour. */
const MOST_BYTES = 60_000;

const file = (name: string, buffer: Buffer): SoakFile => ({ name, mimeType: 'application/octet-stream', buffer });

export function files(random: () => number, read: (name: string) => Buffer): SoakFile[] {
  const found: SoakFile[] = [];
  for (const path of GOOD) {
    const name = path.replace('/', '-');
    const whole = read(path);
    const bytes = /\.(pcap|strace)$/.test(name) ? whole.subarray(0, MOST_BYTES) : whole;
    found.push(file(name, bytes), file(name, bytes));
    found.push(file(`cut-${name}`, bytes.subarray(0, Math.floor(random() * bytes.length))));
    const damaged = Buffer.from(bytes);
    for (let count = 0; count < 5; count++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
    found.push(file(`damaged-${name}`, damaged));
  }
  found.push(file('empty.onnx', Buffer.alloc(0)), file('words.txt', Buffer.from('nothing of the kind')));
  return found;
}
