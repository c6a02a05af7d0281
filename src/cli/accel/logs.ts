import { InputError } from '../../base/errors.ts';
import { checkAudit, isAuditRecord, packAudit, readAuditHead, unpackAudit } from '../../hooks/accelerator/audit.ts';
import { parse } from '../args.ts';
import { print, printJson, readInput, tell, writeOutput } from '../io.ts';
import type { Verb } from '../main.ts';
import { fromHex } from './bytes.ts';
import { sessionOf } from './programs.ts';

/** `accel log`: what programs put into the trace buffer. */
export const logVerb: Verb = (argv) => {
  const args = parse(argv, { state: 'string', json: 'boolean', audit: 'string', clear: 'boolean' });
  const session = sessionOf(args);
  const { records } = session;
  const out = args.string('audit');
  if (out !== undefined) writeOutput(out, packAudit(records.map(({ data }) => fromHex(data))));
  if (args.flag('json')) printJson({ records });
  else
    for (const { timeNs, program, request, seq, data } of records)
      print(`${timeNs} ns ${program} request ${request} command ${seq}: ${data}`);
  if (args.flag('clear')) {
    session.takeRecords();
    session.save();
  }
  return 0;
};

/** `accel audit`: whether the log, of the device or of a file, is whole up to the end of the chain that the device keeps. */
export const auditVerb: Verb = (argv) => {
  const args = parse(argv, { state: 'string', json: 'boolean' });
  const [file, ...rest] = args.positionals;
  if (rest.length > 0) throw new InputError('takes one log, or none', 'arguments');
  const session = sessionOf(args);
  const log =
    file === undefined ? session.records.map(({ data }) => fromHex(data)).filter(isAuditRecord) : unpackAudit(readInput(file), file);
  const keeper = session.objects.flatMap(({ object }) => object.maps).find(({ def }) => def.name === 'head' && def.valueSize === 48);
  const head = keeper?.map?.lookup(new Uint8Array(4));
  const { findings, limits, records, end } = checkAudit(log, head ? readAuditHead(head) : null);
  if (limits) tell(limits);
  if (args.flag('json')) printJson({ records: records.length, whole: findings.length === 0, findings, limits, end });
  else {
    for (const { message } of findings) print(message);
    if (findings.length === 0) print(`${records.length} records, none missing or changed`);
  }
  return findings.length === 0 ? 0 : 1;
};
