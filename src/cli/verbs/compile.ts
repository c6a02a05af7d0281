import { InputError } from '../../base/errors.ts';
import { progTypeName } from '../../bpf/progtypes.ts';
import { strategyCosts } from '../../compiler/compile.ts';
import { readWeightsHeader } from '../../compiler/weights-map.ts';
import { writeObject } from '../../object/writer.ts';
import { nodeCosts } from '../../replay/costs.ts';
import { ModelRunner } from '../../replay/runner.ts';
import { verify } from '../../verifier/verify.ts';
import { MODEL_OPTIONS, onlyPositional, parse } from '../args.ts';
import { languageModel } from '../decoder.ts';
import { print, printJson, writeOutput } from '../io.ts';
import type { Verb } from '../main.ts';
import { compileModel } from '../model.ts';
import { errorsByNode, replayBeside } from '../replay.ts';
import { compileText } from '../text-search.ts';

/** `compile MODEL.onnx -o OUT.o`. Status 1 when our own verifier rejects the result, which is then a defect. */
export const compileVerb: Verb = async (argv) => {
  const args = parse(argv, { ...MODEL_OPTIONS, output: 'string', generate: 'boolean', tokenizer: 'string' });
  const path = onlyPositional(args, 'one model');
  const output = args.string('output');
  if (!output) throw new InputError('say where the object goes with -o OUT.o', 'arguments');
  const text = languageModel(path, args);
  const built = text ? null : await compileModel(path, args);
  const written = text && (await compileText(path, args, text));
  const { program, meta, nodes } = written?.compiled ?? built!.compiled;
  writeOutput(output, writeObject([program], { meta }));
  const verdict = verify(program, { kernel: meta.kernel, privilege: 'root', logLevel: 0 });
  const { accepted, message, insnIdx, processed, totalStates, stackDepth } = verdict;
  const summary = built?.events && (await replayBeside(built, built.events, new ModelRunner(program, meta)));
  const errors = built?.events && (await errorsByNode(built, built.events));
  const accuracy = summary?.comparison
    ? {
        argmaxAgreement: summary.comparison.agreement,
        maxAbsError: summary.comparison.maxAbsError,
        relativeError: summary.comparison.relativeError,
        margins: summary.comparison.margins,
        nearTies: summary.comparison.nearTies,
      }
    : (written?.accuracy ?? null);
  const searched = built?.searched ?? written?.search ?? null;
  const result = {
    insns: program.insns.length,
    maps: program.maps.map(({ name, type, keySize, valueSize, maxEntries }) => ({ name, type, keySize, valueSize, entries: maxEntries })),
    verify: {
      file: output,
      name: program.name,
      section: program.section,
      type: progTypeName(program.progType),
      accepted,
      message,
      insn: insnIdx,
      processed,
      totalStates,
      stackDepth,
    },
    accuracy,
    quant: meta.quant,
    ...(searched ? { search: { met: searched.met, trials: searched.trials } } : {}),
    swappable: meta.specialised !== true && readWeightsHeader(program.maps.find(({ data }) => data)!.data!)?.blocks === 2,
    strategy: meta.strategy,
    strategies: built && args.flag('json') ? strategyCosts(built.options) : [],
    nodes: nodeCosts(program, nodes, verdict.visits).map((node, i) => ({ ...node, error: errors?.[i] ?? null })),
  };
  if (args.flag('json')) printJson(result);
  else {
    print(`${output}: ${result.insns} instructions, ${accepted ? `accepted after ${processed}` : `rejected at ${insnIdx}: ${message}`}`);
    print(
      accuracy
        ? `argmax agreement ${((accuracy.argmaxAgreement ?? 0) * 100).toFixed(2)} % on ${summary ? `${summary.events} calibration events` : `${written!.accuracy!.tokens} tokens of the calibration texts`}, max |Δ| ${accuracy.maxAbsError.toPrecision(3)}`
        : text
          ? `it generates text: up to ${meta.decoder!.positions} tokens of a vocabulary of ${meta.decoder!.vocabulary}`
          : 'accuracy unmeasured: calibrated on generated inputs',
    );
  }
  return accepted && searched?.met !== false ? 0 : 1;
};
