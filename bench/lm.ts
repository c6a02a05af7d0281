/**
 * Language models: what compiling takes, what the kernel says, microseconds a token in the kernel and in our engines, and how often the next token is
 * ONNX Runtime's. `npm run long lm`; needs a kernel, and for the large shapes Debian's python3-torch and python3-onnx (they are made in `.cache/lm`).
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, '.cache', 'lm');

function measured(args: string[]): unknown {
  const out = execFileSync(process.execPath, ['--max-old-space-size=3500', '--import', 'tsx', join(root, 'bench/lm/decoder.ts'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(out.trim().split('\n').slice(-1)[0]!) as unknown;
}

/** `npm run long lm [stories|gpt2-small]…` */
export default async function measure(names: string[]): Promise<unknown> {
  const figures: Record<string, unknown> = {};
  const wanted = (name: string): boolean => names.length === 0 || names.includes(name);
  if (wanted('stories')) {
    const folder = join(root, 'public/samples/stories');
    figures.stories = measured([
      join(folder, 'stories.onnx'),
      '--dim',
      'sequence=256',
      '--engines',
      '--texts',
      join(folder, 'prompts.json'),
      '--tokenizer',
      join(folder, 'tokenizer.json'),
    ]);
  }
  if (wanted('gpt2-small')) {
    const file = join(cache, 'gpt2-small.onnx');
    if (!existsSync(file))
      execFileSync('/usr/bin/python3', [join(root, 'samples/lm/shapes.py'), cache, 'gpt2-small'], { stdio: 'inherit' });
    figures['gpt2-small'] = measured([file]);
  }
  return figures;
}
