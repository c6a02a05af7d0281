const count = (value: number): string => value.toLocaleString('en');
const many = (value: number, one: string, more = `${one}s`): string => `${count(value)} ${value === 1 ? one : more}`;

/** Texts of the Program panel. */
export const program = {
  stops: {
    toggle: 'Set or remove a breakpoint',
    on: 'Breakpoint',
    off: 'Breakpoint, switched off',
    here: 'The machine runs this next',
    'here-on': 'The machine runs this next; breakpoint',
  },
  title: 'Program',
  about: 'The instructions, as a listing, as IR and as a control-flow graph',
  emptyTitle: 'No program yet.',
  empty:
    'The instructions that a model compiles to appear here, each with stripes in the colours of the operators that it serves. An object file (.o) or assembly (.s) opens here too.',
  views: 'Program views',
  bytecode: 'Bytecode',
  ir: 'IR',
  irName: 'Low-level IR',
  graph: 'CFG',
  graphName: 'Control-flow graph',
  loadingView: 'Loading the view…',
  instructions: 'Instructions',
  summary: (insns: number, functions: number) => `${many(insns, 'instruction')} · ${many(functions, 'function')}`,
  related: (value: number) => `${count(value)} selected`,
  /** Rows and layers run through the same loops. */
  shared: {
    rows: 'shared by all rows',
    rowsAbout: 'The rows of a weight go through one loop: each of these instructions serves all of them',
    nodes: 'some shared',
    nodesAbout: 'Some of these instructions serve other operators too: equal kernels are one function',
  },

  find: 'Find…',
  findLabel: 'Find in the program',
  findTitle: 'Text, index, map, helper, function or source line (F)',
  findNone: 'none',
  findAt: (at: number, hits: number) => `${count(at)} of ${count(hits)}`,
  findHits: (hits: number) => `${count(hits)} found`,
  findProgress: (done: number, total: number) => `${Math.floor((100 * done) / total)} %`,
  findStop: 'Stop searching',
  findNext: 'Next hit',
  findNextTitle: 'Next hit (Enter, N)',
  findBefore: 'Hit before',
  findBeforeTitle: 'Hit before (Shift+Enter, Shift+N)',
  foundCount: (hits: number) => (hits === 0 ? 'Nothing found' : `${many(hits, 'instruction')} found`),

  heat: 'Visits',
  heatTitle: 'How often the verifier processed each instruction (H)',
  foldAll: 'Fold all functions (Shift+Z)',
  unfoldAll: 'Unfold all functions (Shift+Z)',
  folded: (name: string) => `${name} folded`,
  unfolded: (name: string) => `${name} unfolded`,
  head: (insns: number) => many(insns, 'insn'),
  headProcessed: (visits: number) => `${count(visits)} processed`,
  headExecuted: (times: number) => `${count(times)} executed`,
  headLabel: (name: string, insns: number, folded: boolean) => `function ${name}, ${many(insns, 'instruction')}${folded ? ', folded' : ''}`,
  marked: (rows: number) => `${many(rows, 'row')} marked`,
  copied: (rows: number) => `${many(rows, 'row')} copied`,
  copyTooMany: (rows: number, most: number) =>
    `${count(rows)} rows are too many to copy; ${count(most)} go at once. Export the object instead`,

  serves: 'serves ',
  unknownOrigin: 'hand-written or unknown origin',
  noInsn: 'no known instruction',
  noCursor: 'Select an instruction to see what it does and what it serves.',
  more: (value: number) => ` and ${value} more`,
  visits: (value: number) => ` · verified ${many(value, 'time')}`,
  visited: (value: number, total: number) =>
    `verified ${many(value, 'time')}, ${total === 0 ? 0 : ((100 * value) / total).toFixed(value === total ? 0 : 1)} % of all that was processed`,
  neverVisited: 'never reached by the verifier',
  rfc: (section: string) => ` · RFC 9669 §${section}`,

  irOperations: 'IR operations',
  irNone: 'This program came as an object or as assembly. Only a program that is compiled here has an IR.',
  irLog: 'A log shows instructions. Only a program that is compiled here has an IR.',
  irOps: (value: number) => many(value, 'operation'),
  irLeftOut: 'left out: nothing calls it',
  irNoInsns: 'none',
  irNoCursor: 'Select an operation to see its instructions. Enter goes to the first of them.',
  irSpilled: (text: string) => `spill ${text}`,
  irOp: (op: number, insns: number, text: string, spills: string) => {
    const kept = spills === '' ? '' : ` · spills around it: ${spills}`;
    if (insns > 0) return `operation ${op} · ${many(insns, 'instruction')}: ${text}${kept}`;
    if (spills !== '') return `operation ${op} · no instruction of its own: its value goes straight to the stack${kept}`;
    return `operation ${op} · no instruction: it was folded into another one, falls through, or its result is never used`;
  },
  irOfInsn: (insn: number, op: number) => `instruction ${insn} comes from operation ${op}`,
  irPrologue: (insn: number) => `instruction ${insn} belongs to the prologue: it moves an argument to where the function wants it`,
  irSpill: (insn: number, op: number) =>
    `instruction ${insn} is a spill for operation ${op}: it keeps a value on the stack for which no register was free`,
  irEdited: (insn: number) => `instruction ${insn} was edited by hand and comes from no operation`,
  irWithout: (prologue: number, spills: number, edited: number) =>
    `From no operation: ${count(prologue)} in prologues, ${many(spills, 'spill')}${edited === 0 ? '' : `, ${count(edited)} edited by hand`}`,

  flowLabel: (name: string) => `Control-flow graph of ${name}`,
  flowBlocks: (name: string, blocks: number) => `Control flow of ${name}, ${many(blocks, 'block')}`,
  flowWaiting: 'Laying the graph out…',
  flowStop: 'Stop',
  flowStopped: 'stopped',
  flowFailed: (why: string) => `No graph: ${why}`,
  flowDead: 'dead',
  flowSummary: (blocks: number, loops: number, dead: number) =>
    `${many(blocks, 'block')} · ${many(loops, 'loop edge')}${dead === 0 ? '' : ` · ${many(dead, 'dead block')}`}`,
  flowCulled: (shown: number, edges: number) => `the ${count(shown)} around the cursor are shown, ${many(edges, 'edge')} left out`,
  flowLeaving: (jumps: number) => `${many(jumps, 'jump')} out of the function`,
  flowKey: 'T taken · F not taken · dashed: loop',
  flowEdge: (kind: 'true' | 'false' | 'jump' | 'next', to: number, back: boolean) =>
    `${{ true: 'if taken', false: 'if not taken', jump: 'jumps', next: 'goes on' }[kind]} to ${to}${back ? ', a loop' : ''}`,
  flowBlock: (start: number, last: number, insns: number, next: string, exits: boolean, reachable: boolean, visits: number | null) =>
    [
      start === last ? `block ${start}` : `block ${start} to ${last}`,
      many(insns, 'instruction'),
      exits ? 'exits' : next,
      reachable ? '' : 'dead: nothing leads here',
      visits === null ? '' : `verified ${many(visits, 'time')}`,
    ]
      .filter(Boolean)
      .join(', '),
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  zoomFit: 'Show the whole graph',

  changesShort: (value: number) => `▲ ${many(value, 'change')}`,
  changes: (value: number) => `▲ ${many(value, 'change')} from compiled`,
  changeAdded: 'added: not in the compiled program',
  changeChanged: 'changed from the compiled program',
  changeRemoved: (value: number) => `${many(value, 'instruction')} of the compiled program removed before this one`,
  diff: 'Diff',
  diffWaiting: 'Comparing…',
  diffNone: 'The edited program equals the compiled one.',
  diffCount: (hunks: number) => `Differs from the compiled program in ${many(hunks, 'place')}`,
  diffUnified: 'Unified',
  diffBeside: 'Side by side',
  diffLabel: 'Changes from the compiled program',
  diffAt: (insn: number) => `at instruction ${insn}`,
  diffShow: 'Show',
  diffRevert: 'Discard this',
  diffRevertLabel: (func: string, insn: number) => `Discard the change of ${func} at instruction ${insn}`,
  diffReverting: 'Discarding a change',
  diffMore: (lines: number) => `and ${many(lines, 'line')} more`,
  discard: 'Discard',
  choose: 'Program of the object',
  choice: (name: string, section: string) => `${name} · ${section}`,
  edit: 'Edit',
  gap: (insns: number) =>
    insns === 1 ? '… 1 instruction that the log does not show' : `… ${insns.toLocaleString('en')} instructions that the log does not show`,
  editLog: 'A log shows too little of the program to edit it',
} as const;

/** Names of the panel's commands. */
export const programCommands = {
  find: 'Find in the program',
  findNext: 'Next hit in the program',
  findBefore: 'Hit before in the program',
  goTo: 'Go to an instruction by its index',
  follow: 'Follow the jump or call',
  back: 'Go back to the selection before',
  fold: 'Fold or unfold the function',
  foldAll: 'Fold or unfold all functions',
  heat: 'Show or hide the verifier’s visits',
  ir: 'Show or hide the IR',
  graph: 'Show or hide the control-flow graph',
  edit: 'Edit the function at the cursor',
  diff: 'Compare with the compiled program',
  nextChange: 'Next change from the compiled program',
  previousChange: 'Change before, from the compiled program',
  copy: 'Copy the selected rows as text',
} as const;
