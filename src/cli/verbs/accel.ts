import { InputError } from '../../base/errors.ts';
import { print } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';

interface SubVerb {
  readonly usage: string;
  readonly load: () => Promise<Verb>;
}

const programs = () => import('../accel/programs.ts');
const delivery = () => import('../accel/delivery.ts');
const logs = () => import('../accel/logs.ts');
const RUN =
  '[--trace T [--input [NAME=]X.npy]… [--limit N] [--tokens N] [--tenants 1,2] [--every NS] [--key HANDLE[=HEX]]… [--vouch HANDLE] [--export OUT]]';

const VERBS: Readonly<Record<string, SubVerb>> = {
  load: { usage: 'FILE.o [--name NAME] [--signature FILE.sig]', load: async () => (await programs()).loadVerb },
  unload: { usage: 'NAME', load: async () => (await programs()).unloadVerb },
  attach: { usage: `NAME|FILE.o --attach HOOK [--program P] [--order N] ${RUN}`, load: async () => (await programs()).attachVerb },
  replace: { usage: 'LINK NAME [--program P]', load: async () => (await programs()).replaceVerb },
  detach: { usage: 'LINK|all', load: async () => (await programs()).detachVerb },
  list: { usage: '', load: async () => (await programs()).listVerb },
  apply: { usage: `RESOURCE.yaml ${RUN}`, load: async () => (await programs()).applyVerb },
  run: { usage: RUN, load: async () => (await programs()).runVerb },
  map: { usage: 'NAME MAP [--at KEY [--set VALUE|--delete]]', load: async () => (await programs()).mapVerb },
  log: { usage: '[--audit OUT.bin] [--clear]', load: async () => (await logs()).logVerb },
  audit: { usage: '[LOG.bin]', load: async () => (await logs()).auditVerb },
  keygen: { usage: '-o NAME', load: async () => (await delivery()).keygenVerb },
  sign: { usage: 'FILE.o --key KEY.pem --version N [--name NAME] [-o FILE.sig]', load: async () => (await delivery()).signVerb },
  verify: { usage: 'FILE.o [--signature FILE.sig]', load: async () => (await delivery()).verifyVerb },
  trust: { usage: 'add KEY.pub.pem [--name NAME] | revoke KEY-ID|SHA-256|FILE.o | list', load: async () => (await delivery()).trustVerb },
};

/** `accel VERB …`: a simulated accelerator that a folder keeps between calls (`--state`). */
export const accelVerb: Verb = async (argv): Promise<ExitStatus> => {
  const [name, ...rest] = argv;
  if (name === 'help') {
    print(
      Object.entries(VERBS)
        .map(([verb, { usage }]) => `accel ${verb} ${usage}`.trim())
        .join('\n'),
    );
    return 0;
  }
  const entry = name !== undefined && Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!entry)
    throw new InputError(name ? `accel has no verb ${name}` : 'accel takes a verb', 'arguments', `Verbs: ${Object.keys(VERBS).join(', ')}`);
  return (await entry.load())(rest);
};
