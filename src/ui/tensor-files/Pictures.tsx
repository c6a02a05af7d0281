import { ImagePlus } from 'lucide-react';
import { type FormEvent, useId, useRef, useState } from 'react';
import type { PictureLayout } from '../../replay/pictures.ts';
import { openFiles } from '../../workbench/actions.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { scalePictures, usePictures } from '../../workbench/tensor-files.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { tensorFiles } from '../texts/tensor-files.ts';

const texts = tensorFiles.pictures;

/** Numbers of a text with commas; null for anything else. */
function numbersOf(text: string): number[] | null {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return values.every(Number.isFinite) ? values : null;
}

const short = (value: number): string => String(Number(value.toPrecision(4)));

/** The open pictures and how they become numbers. */
export function Pictures() {
  const picker = useRef<HTMLInputElement>(null);
  const { files, scaling, made, trace, error } = usePictures();
  const open = useWorkbench((state) => state.history.doc.trace?.hash);
  const [mean, setMean] = useState(scaling.mean.join(', '));
  const [std, setStd] = useState(scaling.std.join(', '));
  const [resize, setResize] = useState(scaling.resize ?? true);
  const [layout, setLayout] = useState<PictureLayout | ''>(scaling.layout ?? '');
  const [wrong, setWrong] = useState(false);
  const hint = useId();
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const [means, deviations] = [numbersOf(mean), numbersOf(std)];
    const fits = means !== null && deviations !== null && !deviations.includes(0);
    setWrong(!fits);
    if (!fits) return;
    // What is wrong stands beside the form.
    scalePictures({ mean: means, std: deviations, resize, ...(layout ? { layout } : {}) }).catch(() => {});
  };
  const sizes = made ? [...new Set(made.sizes.map(({ width, height }) => `${width} × ${height}`))] : [];
  return (
    <section aria-label={texts.title}>
      <h2>{texts.title}</h2>
      <div className="tensor-files-row">
        <button type="button" className="button bordered" onClick={() => picker.current?.click()}>
          <ImagePlus size={14} /> {texts.open}
        </button>
        <span className="ellipsis muted">{files.length > 0 ? texts.files(files.length, files[0]!.name) : ''}</span>
      </div>
      <input
        ref={picker}
        type="file"
        hidden
        multiple
        accept=".png,.jpg,.jpeg,.webp,.gif,.bmp"
        data-testid="picture-picker"
        onChange={(event) => {
          const chosen = [...(event.target.files ?? [])];
          event.target.value = '';
          if (chosen.length > 0) void openFiles(chosen);
        }}
      />
      {files.length === 0 ? <p className="muted">{texts.empty}</p> : null}
      {error ? <ErrorNote error={error} /> : null}
      {made?.taken ? (
        <p data-testid="pictures-made">
          {texts.taken(made.taken.width, made.taken.height, made.taken.channels, made.taken.layout)}{' '}
          {texts.sizes(sizes.slice(0, 3).join(', '))}{' '}
          {texts.made(made.arrays[0]!.shape.join(', '), short(made.arrays[0]!.min), short(made.arrays[0]!.max))}
        </p>
      ) : null}
      {made && trace !== open ? <p className="muted">{texts.elsewhere}</p> : null}
      {files.length > 0 ? (
        <form className="tensor-files-form" onSubmit={apply}>
          <p className="muted mono">{texts.rule}</p>
          <label>
            <span>{texts.mean}</span>
            <input className="field" value={mean} aria-describedby={hint} onChange={(event) => setMean(event.target.value)} />
          </label>
          <label>
            <span>{texts.std}</span>
            <input className="field" value={std} aria-describedby={hint} onChange={(event) => setStd(event.target.value)} />
          </label>
          <p id={hint} className={wrong ? 'bad' : 'muted'}>
            {wrong ? texts.wrong : texts.list}
          </p>
          <label>
            <span>{texts.layout}</span>
            <select className="field" value={layout} onChange={(event) => setLayout(event.target.value as PictureLayout | '')}>
              <option value="">{texts.layouts.auto}</option>
              <option value="NCHW">{texts.layouts.NCHW}</option>
              <option value="NHWC">{texts.layouts.NHWC}</option>
            </select>
          </label>
          <label className="tensor-files-check">
            <input type="checkbox" checked={resize} onChange={(event) => setResize(event.target.checked)} />
            <span>{texts.resize}</span>
          </label>
          <div>
            <button type="submit" className="button primary">
              {texts.apply}
            </button>
          </div>
        </form>
      ) : null}
    </section>
  );
}
