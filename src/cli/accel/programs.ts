import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import { ACCEL_HOOKS, type AccelHook } from '../../bpf/accelerator/hooks.ts';
import { mapTypeName } from '../../bpf/maps.ts';
import { applyResource, DeliveryRefused } from '../../hooks/accelerator/apply.ts';
import { readDefinition, readResources } from '../../hooks/accelerator/configuration.ts';
import { type BpfObject, bpf_map__delete_elem, bpf_map__update_elem } from '../../hooks/accelerator/libbpf.ts';
import { ProgramRefused } from '../../hooks/accelerator/program.ts';
import { type Args, onlyPositional, parse } from '../args.ts';
import { fileName, print, printJson, readInput, readText, tell, userPath } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { parseBytes, toHex, words } from './bytes.ts';
import { reportOf } from './report.ts';
import { Session } from './session.ts';
import { StateFolder } from './state.ts';
import { runTrace, TRACE_OPTIONS } from './trace.ts';

const COMMON = { state: 'string', json: 'boolean' } as const;

export const sessionOf = (args: Args): Session => new Session(new StateFolder(args.string('state')));

/** What the device says no to is an answer, status 1; all else that is wrong stays an {@link InputError}. */
async function answered(args: Args, file: string, work: () => Promise<ExitStatus>): Promise<ExitStatus> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DeliveryRefused || error instanceof ProgramRefused)) throw error;
    const reason = error instanceof DeliveryRefused ? error.verdict.reason : 'verifier';
    if (args.flag('json')) printJson({ file, accepted: false, reason, message: error.message });
    else tell(`${file}: ${error.message}`);
    return 1;
  }
}

/** The signature that `--signature` names, or FILE.o.sig beside the object. */
export function signatureOf(file: string, option: string | undefined): string | null {
  if (option !== undefined) return readText(option);
  return existsSync(userPath(`${file}.sig`)) ? readText(`${file}.sig`) : null;
}

const shapeOf = (object: BpfObject) => ({
  programs: object.programs.map(({ program, hook }) => ({
    name: program.name,
    section: program.section,
    hook,
    insns: program.insns.length,
  })),
  maps: object.maps.map(({ def: { name, type, keySize, valueSize, maxEntries } }) => ({
    name,
    type: mapTypeName(type),
    keySize,
    valueSize,
    entries: maxEntries,
  })),
});

const nameOf = (file: string): string => fileName(file).replace(/\.o$/, '');

async function loadFile(session: Session, file: string, args: Args): Promise<string> {
  const name = args.string('name') ?? nameOf(file);
  await session.load(readInput(file), name, signatureOf(file, args.string('signature')));
  return name;
}

export const loadVerb: Verb = (argv) => {
  const args = parse(argv, { ...COMMON, name: 'string', signature: 'string' });
  const file = onlyPositional(args, 'one object');
  return answered(args, file, async () => {
    const session = sessionOf(args);
    const name = await loadFile(session, file, args);
    session.save();
    const { stored, object } = session.objects.find((each) => each.stored.name === name)!;
    const { sha256, signer, version } = stored;
    if (args.flag('json')) printJson({ file, accepted: true, name, sha256, signer, version, ...shapeOf(object) });
    else
      print(
        `${name}: ${object.programs.map(({ program, hook }) => `${program.name} for ${hook}`).join(', ')}; ${signer ? `signed by ${signer}` : 'not signed'}`,
      );
    return 0;
  });
};

export const unloadVerb: Verb = (argv) => {
  const args = parse(argv, COMMON);
  const session = sessionOf(args);
  const name = onlyPositional(args, 'one object');
  session.unload(name);
  session.save();
  if (args.flag('json')) printJson({ name });
  return 0;
};

/** `validate_tensor`, `accelerator/validate_tensor` or `gaudi/validate_tensor`. */
function hookNamed(text: string | undefined): AccelHook {
  const name = text?.replace(/^(accelerator|gaudi)\//, '');
  const hook = ACCEL_HOOKS.find((each) => each === name);
  if (!hook)
    throw new InputError(`--attach takes one of ${ACCEL_HOOKS.join(', ')}${text === undefined ? '' : `, not ${text}`}`, 'arguments');
  return hook;
}

/** Runs the trace, where there is one, and says what came of it beside `head`. */
async function finish(session: Session, args: Args, head: Readonly<Record<string, unknown>>, text: string): Promise<ExitStatus> {
  const since = session.device.nowNs;
  const ran = await runTrace(session, args);
  session.save();
  const report = ran ? reportOf(session.device, since, session.ownRecords.length) : null;
  if (args.flag('json')) printJson({ ...head, ...report });
  else {
    if (text) print(text);
    if (report) {
      print(
        `${report.commands} commands: ${report.completed} completed, ${report.aborted} aborted, ${report.started} reached the units; modelled ${report.modelledNs} ns`,
      );
      for (const { request, errno, program, started } of report.requests)
        if (errno) print(`request ${request}: ${errno}${program ? ` by ${program}` : ''} after ${started} commands on the units`);
      for (const { program, hook, runs, insns, modelledNs } of report.programs)
        print(`${program} at ${hook}: ${runs} runs, ${insns} instructions, modelled ${modelledNs} ns`);
    }
  }
  return 0;
}

export const attachVerb: Verb = (argv) => {
  const args = parse(argv, {
    ...COMMON,
    ...TRACE_OPTIONS,
    attach: 'string',
    program: 'string',
    order: 'string',
    name: 'string',
    signature: 'string',
  });
  const target = onlyPositional(args, 'one object');
  const hook = hookNamed(args.string('attach'));
  const order = Number(args.string('order') ?? 0);
  if (!Number.isSafeInteger(order)) throw new InputError(`--order takes a whole number, not ${args.string('order')}`, 'arguments');
  return answered(args, target, async () => {
    const session = sessionOf(args);
    const name = session.has(target) ? target : await loadFile(session, target, args);
    const { id, link } = session.attach(name, hook, args.string('program') ?? null, order);
    const program = link.program.program.name;
    return finish(
      session,
      args,
      { accepted: true, link: id, object: name, program, hook, order },
      `link ${id}: ${name}, ${program} at ${hook}`,
    );
  });
};

export const runVerb: Verb = async (argv) => {
  const args = parse(argv, { ...COMMON, ...TRACE_OPTIONS });
  if (args.string('trace') === undefined) throw new InputError('run takes --trace T', 'arguments');
  return finish(sessionOf(args), args, {}, '');
};

export const replaceVerb: Verb = (argv) => {
  const args = parse(argv, { ...COMMON, program: 'string' });
  const [link, name, ...rest] = args.positionals;
  if (name === undefined || rest.length > 0) throw new InputError('takes a link and an object', 'arguments');
  const session = sessionOf(args);
  const { id, link: own } = session.replace(Number(link), name, args.string('program') ?? null);
  session.save();
  if (args.flag('json')) printJson({ link: id, object: name, program: own.program.program.name, hook: own.program.hook });
  else print(`link ${id}: ${name}, ${own.program.program.name} at ${own.program.hook}`);
  return 0;
};

export const detachVerb: Verb = (argv) => {
  const args = parse(argv, COMMON);
  const which = onlyPositional(args, 'one link, or all');
  const session = sessionOf(args);
  const ids = which === 'all' ? session.links.map(({ id }) => id) : [Number(which)];
  for (const id of ids) session.detach(id);
  session.save();
  if (args.flag('json')) printJson({ detached: ids });
  return 0;
};

export const listVerb: Verb = (argv) => {
  const args = parse(argv, COMMON);
  const session = sessionOf(args);
  const objects = session.objects.map(({ object, stored: { name, sha256, signer, version } }) => ({
    name,
    sha256,
    signer,
    version,
    ...shapeOf(object),
  }));
  const links = session.links.map(({ id, object, order, link }) => ({
    link: id,
    object,
    program: link.program.program.name,
    hook: link.program.hook,
    order,
  }));
  if (args.flag('json')) printJson({ objects, links, trustedKeys: Object.keys(session.trust.keys).length, nowNs: session.device.nowNs });
  else {
    for (const { name, programs, maps } of objects)
      print(
        `${name}: ${programs.map((program) => `${program.name} (${program.hook})`).join(', ')}${maps.length > 0 ? `; maps ${maps.map((map) => map.name).join(', ')}` : ''}`,
      );
    for (const { link, object, program, hook, order } of links) print(`link ${link}: ${object}, ${program} at ${hook}, order ${order}`);
  }
  return 0;
};

export const mapVerb: Verb = (argv) => {
  const args = parse(argv, { ...COMMON, at: 'string', set: 'string', delete: 'boolean' });
  const [object, name, ...rest] = args.positionals;
  if (name === undefined || rest.length > 0) throw new InputError('takes an object and a map', 'arguments');
  const session = sessionOf(args);
  const map = session.map(object!, name);
  const at = args.string('at');
  const set = args.string('set');
  if (at === undefined && (set !== undefined || args.flag('delete'))) throw new InputError('--set and --delete need --at KEY', 'arguments');
  const key = at === undefined ? null : parseBytes(at, map.def.keySize, `key of ${name}`);
  if (key && (set !== undefined || args.flag('delete'))) {
    const answer =
      set === undefined
        ? bpf_map__delete_elem(map, key)
        : bpf_map__update_elem(map, key, parseBytes(set, map.def.valueSize, `value of ${name}`));
    if (answer !== 0) throw new InputError(`the map refuses it (errno ${-answer})`, name);
    session.save();
  }
  const entries = map.map!.entries().filter((entry) => !key || toHex(entry.key) === toHex(key));
  const rows = entries.map((entry) => ({ key: toHex(entry.key), value: toHex(entry.value), u32: words(entry.value) }));
  if (args.flag('json')) printJson({ object, map: name, type: mapTypeName(map.def.type), entries: rows });
  else for (const row of rows) print(`${row.key}: ${row.value}`);
  return 0;
};

/** The definition that comes with BPFormer. */
const definitionPath = new URL('../../../samples/accelerator/acceleratorhook.crd.yaml', import.meta.url);

export const applyVerb: Verb = (argv) => {
  const args = parse(argv, { ...COMMON, ...TRACE_OPTIONS });
  const file = onlyPositional(args, 'one resource');
  return answered(args, file, async () => {
    const resources = readResources(readText(file), file, readDefinition(readFileSync(definitionPath, 'utf8'), 'acceleratorhook.crd.yaml'));
    const session = sessionOf(args);
    const folder = dirname(userPath(file));
    const read = async (path: string): Promise<Uint8Array | null> =>
      existsSync(join(folder, path)) ? readInput(join(folder, path)) : null;
    const applied = [];
    for (const resource of resources) {
      const taken = resource.objects.find(({ name }) => session.has(name));
      if (taken) throw new InputError('an object of this name is loaded', taken.name, 'accel unload removes it');
      const { objects, links, leftOut } = await applyResource(resource, session.device, { read, where: file, trust: session.trust });
      for (const [name, delivered] of objects) session.keep(name, delivered.object.bytes, delivered);
      const attached = links.map((link) =>
        session.adopt(
          link.program.object.name,
          resource.hooks.find(({ object, hook }) => object === link.program.object.name && hook === link.program.hook)?.order ?? 0,
          link,
        ),
      );
      applied.push({
        name: resource.name,
        namespace: resource.namespace,
        links: attached.map(({ id, object, link }) => ({ link: id, object, program: link.program.program.name, hook: link.program.hook })),
        leftOut,
      });
    }
    for (const { leftOut } of applied) for (const message of leftOut) tell(message);
    const text = applied
      .map(({ name, links }) => `${name}: ${links.map(({ link, object, hook }) => `link ${link} ${object} at ${hook}`).join(', ')}`)
      .join('\n');
    return finish(session, args, { accepted: true, resources: applied }, text);
  });
};
