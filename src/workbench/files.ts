import { InputError } from '../base/errors.ts';
import { beginsAsCapture, packingOf } from '../traces/capture/begins.ts';

export type FileKind =
  | 'model'
  | 'object'
  | 'assembly'
  | 'packets'
  | 'tensors'
  | 'pictures'
  | 'calls'
  | 'binding'
  | 'project'
  | 'log'
  | 'c'
  | 'lesson'
  | 'path';

const ZIP_MAGIC = 0x504b0304;
const HEAD_BYTES = 4096;
const OTHER_TENSORS = new Set(['npz', 'safetensors', 'pb', 'csv', 'tsv']);
const PICTURES = new Set(['png', 'jpg', 'jpeg', 'webp', 'gif', 'bmp']);

/** What a file is, by its contents first and its name second. `sampled`: what tells a log, where that is known. */
export async function recognise(name: string, bytes: Uint8Array, sampled?: string): Promise<FileKind> {
  if (bytes.length === 0) throw new InputError('the file is empty', name, 'Give an .onnx, .pcap, .npy, .o, .c, .s or .log file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= 4 ? view.getUint32(0, false) : 0;
  const starts = (text: string) => text.split('').every((char, at) => bytes[at] === char.charCodeAt(0));
  if (beginsAsCapture(bytes) || packingOf(bytes)) return 'packets';
  if (starts('\x93NUMPY')) return 'tensors';
  if (starts('\x7fELF')) return 'object';
  const extension = name.toLowerCase().split('.').at(-1);
  if (OTHER_TENSORS.has(extension ?? '')) return 'tensors';
  if (PICTURES.has(extension ?? '')) return 'pictures';
  if (extension === 'bpformer') {
    if (magic === ZIP_MAGIC) return 'project';
    throw new InputError('this is no project file: its first bytes are not those of a zip', name, 'Give a file that BPFormer has exported');
  }
  if (extension === 'onnx') return 'model';
  if (extension === 'c') return 'c';
  if (extension === 'md') return 'lesson';
  if (extension === 'json' && /"format"\s*:\s*"bpformer-path"/.test(new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES)))) return 'path';
  if (extension !== 'json' && extension !== 'pcap' && extension !== 'npy') {
    const { logSample, looksLikeListing, looksLikeLog } = await import('../verifier/logfile/recognise.ts');
    const sample = sampled ?? logSample(bytes);
    // A log is told by its words, whatever it is called; a bare list of instructions by its name as well.
    if (looksLikeLog(sample) || (extension !== 's' && extension !== 'asm' && looksLikeListing(sample))) return 'log';
  }
  if (extension === 's' || extension === 'asm') return 'assembly';
  if (extension !== 'pcap' && extension !== 'cap' && extension !== 'npy' && extension !== 'o' && (await holdsCalls(bytes))) return 'calls';
  if (extension === 'json') return 'binding';
  if (extension === 'pcap' || extension === 'cap')
    throw new InputError(
      'this is no capture: its first bytes are not those of pcap',
      name,
      'Give a file written by tcpdump or Wireshark as pcap',
    );
  if (extension === 'npy')
    throw new InputError('this is no NumPy file: its first bytes are not those of npy', name, 'Give a file written by numpy.save');
  if (extension === 'o')
    throw new InputError(
      'this is no object file: its first bytes are not those of ELF',
      name,
      'Give a file compiled with clang -target bpf -c',
    );
  if (extension === 'log')
    throw new InputError(
      'this text holds no line of a verifier log',
      name,
      'Give what the kernel prints for a program: lines such as `0: (b7) r0 = 0` or `processed 7 insns`',
    );
  throw new InputError(
    'this kind of file opens nowhere here',
    name,
    'Give an .onnx, .pcap, .npy, .o, .c, .s, .log, .strace or binding .json file, or a lesson as .md',
  );
}

/** Whether a text is a trace of system calls; of JSON, whether its first objects have a process. */
async function holdsCalls(bytes: Uint8Array): Promise<boolean> {
  const head = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES));
  if (/^\s*[[{](?!pid)/.test(head)) return /^\s*(\[\s*)?\{[^{}]*"pid"\s*:/.test(head);
  return (await import('../traces/syscalls/calls.ts')).isCallTrace(bytes);
}

/** Opens a lesson, or a path through lessons, beside the desk. */
export async function openCourseFile(kind: 'lesson' | 'path', name: string, bytes: Uint8Array): Promise<void> {
  await (await import('./course/open.ts')).openCourseFile(kind, name, bytes);
}
