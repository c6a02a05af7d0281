import { Dialog } from '../components/Dialog.tsx';

const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl+O', 'open files'],
  ['Ctrl+Z, Ctrl+Shift+Z', 'undo and redo changes of the project'],
  ['[ and ]', 'back and forward through what was selected'],
  ['R', 'replay the trace'],
  ['Escape', 'select nothing'],
  ['arrows', 'in the graph: along its edges; in lists: line by line'],
  ['+, - and 0', 'in the graph: zoom in, zoom out, show all'],
  ['F, Enter, C, P', 'in the graph: find, open the group, fold it up, trace paths'],
  ['Enter', 'in the program: follow a jump or call'],
  ['two hex digits', 'in the bytes of a packet: change the byte at the cursor'],
  ['?', 'this sheet'],
];

export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} title="Help and keys" onClose={onClose}>
      <p>
        BPFormer compiles an ONNX model into an eBPF program, lets a verifier with the rules of Linux decide on it, runs a trace through it
        and compares each score with ONNX Runtime. All of it happens in this tab; nothing is uploaded.
      </p>
      <dl className="kv keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="muted">
        Stripes name the family of an operator in graph, listing and budget alike. The scale of range bars is logarithmic on both sides of
        zero, from −2⁶³ to 2⁶³ − 1.
      </p>
    </Dialog>
  );
}
