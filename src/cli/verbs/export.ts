import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import { PROG_TYPE_XDP } from '../../bpf/progtypes.ts';
import { linuxObject } from '../../hooks/accelerator/linux/object.ts';
import { FORMS, linkable, linkableObject } from '../../hooks/linkable.ts';
import { choice, onlyPositional, parse } from '../args.ts';
import { fleetFiles } from '../export/bpfman.ts';
import { bpftoolScript } from '../export/bpftool.ts';
import { loaderSource } from '../export/libbpf.ts';
import { cSource } from '../export/source.ts';
import { fileName, print, printJson, readInput, tell, userPath, writeOutput } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { openProgram } from '../object.ts';

const KINDS = ['libbpf', 'bpftool', 'bpfman', 'c', 'link', 'linux'] as const;

const FLEET = { image: 'string', interface: 'string', node: 'list', namespace: 'string', weights: 'string' } as const;

/** `export OUT.o --as KIND -o FILE`: a loader in C, a script, files for a fleet, the program in C, an object that other programs are linked with, or programs for the accelerator as Linux loads them. */
export const exportVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, {
    as: 'string',
    form: 'string',
    output: 'string',
    program: 'string',
    json: 'boolean',
    ...FLEET,
  });
  const path = onlyPositional(args, 'one object');
  const output = args.string('output');
  if (args.string('as') === undefined) throw new InputError(`say what it becomes with --as ${KINDS.join('|')}`, 'arguments');
  const kind = choice(args, 'as', KINDS, 'libbpf');
  if (!output) throw new InputError('say where it goes with -o FILE', 'arguments');
  const fleet = Object.keys(FLEET).find((name) => args.string(name)?.length);
  if (fleet && kind !== 'bpfman') throw new InputError(`--${fleet} goes with --as bpfman`, 'arguments');
  if (args.string('form') !== undefined && kind !== 'link') throw new InputError('--form goes with --as link', 'arguments');
  if (kind === 'linux') {
    writeOutput(output, await linuxObject(readInput(path), fileName(path)));
    if (args.flag('json')) printJson({ files: [output] });
    else print(output);
    return 0;
  }
  const { program, meta } = openProgram(path, args.string('program'));
  if (meta.decoder && kind === 'link')
    throw new InputError('a program that generates text has no function to link', path, 'Use --as libbpf or c');
  if (meta.decoder && program.progType !== PROG_TYPE_XDP && kind === 'bpftool')
    throw new InputError(
      'bpftool does not run programs of type syscall that answer in their context',
      path,
      'Use --as libbpf, or compile with a binding of kind "prompt"',
    );
  if (program.progType !== PROG_TYPE_XDP && !meta.decoder && kind !== 'c')
    throw new InputError(`${program.section} programs have no ${kind} form`, path, 'Use --as c, or load the object with bpftool');
  if (kind === 'bpfman') {
    const image = args.string('image') ?? `localhost/${program.name.toLowerCase()}:latest`;
    if (args.string('image') === undefined) tell(`the image is ${image}; --image REGISTRY/NAME:TAG names one that a cluster reaches`);
    const files = fleetFiles(program, meta, readInput(path), {
      image,
      interface: args.string('interface'),
      nodes: args.list('node'),
      namespace: args.string('namespace') ?? 'bpformer',
      weights: args.string('weights') === undefined ? undefined : readInput(args.string('weights')!),
    });
    const written = [...files].map(([name, content]) => {
      const file = join(output, name);
      mkdirSync(userPath(dirname(file)), { recursive: true });
      writeOutput(file, content);
      return file;
    });
    if (args.flag('json')) printJson({ files: written });
    else print(written.join('\n'));
    return 0;
  }
  const text = (content: string): void => writeOutput(output, new TextEncoder().encode(content));
  const files = [output];
  if (kind === 'libbpf') text(loaderSource(program, meta, readInput(path)));
  else if (kind === 'bpftool') text(bpftoolScript(program, meta, fileName(path)));
  else if (kind === 'c') text(cSource(program, meta));
  else {
    if (!output.endsWith('.o')) throw new InputError('the file is an object and ends in .o', output);
    const made = linkable(program, meta, choice(args, 'form', FORMS, 'ctx'));
    writeOutput(output, linkableObject(made, meta));
    const header = output.replace(/\.o$/, '.h');
    writeOutput(header, new TextEncoder().encode(made.header));
    files.push(header);
  }
  if (args.flag('json')) printJson({ files });
  else print(files.join('\n'));
  return 0;
};
