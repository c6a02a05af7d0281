import { measureOverhead, useAccelerator } from '../../../workbench/accelerator.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { Chart, type Series } from '../Chart.tsx';
import { count, timeText } from '../format.ts';

const { overhead: texts } = accelerator;
const COLOURS = ['f-linear', 'f-attention', 'f-norm', 'f-reduce'];

/** What programs on a hook add to a command, against their number and kind; with the article's figures beside. */
export function OverheadView() {
  const overhead = useAccelerator((state) => state.overhead);
  const busy = useAccelerator((state) => state.doing !== null);
  const measure = (
    <button type="button" className="button bordered" disabled={busy} title={texts.measureAbout} onClick={() => void measureOverhead()}>
      {overhead ? texts.again : texts.measure}
    </button>
  );
  if (!overhead) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
        {measure}
      </div>
    );
  }
  const series: Series[] = overhead.series.flatMap(({ name, points, slopeNs, interceptNs }, at) => {
    const colour = COLOURS[at % COLOURS.length]!;
    const most = Math.max(...points.map(({ hooks }) => hooks));
    return [
      { name, colour, draw: 'dots' as const, points: points.map(({ hooks, ns }) => [hooks, ns] as const) },
      {
        name: texts.fit(name),
        colour,
        draw: 'line' as const,
        points: [
          [0, interceptNs],
          [most, interceptNs + slopeNs * most],
        ],
      },
    ];
  });
  return (
    <div className="accel-scroll" data-testid="accel-overhead">
      <div className="accel-bar">{measure}</div>
      <div className="accel-pad">
        <Chart
          label={texts.chart}
          x={{ name: texts.hooks, text: String }}
          y={{ name: texts.added, text: timeText }}
          series={series}
          height={220}
        />
      </div>
      <table className="accel-table">
        <thead>
          <tr>
            <th scope="col">{texts.program}</th>
            <th scope="col" className="num">
              {texts.insns}
            </th>
            <th scope="col" className="num">
              {texts.run}
            </th>
            <th scope="col" className="num">
              {texts.each}
            </th>
            <th scope="col" className="num">
              {texts.r2}
            </th>
            <th scope="col" className="num">
              {texts.article}
            </th>
          </tr>
        </thead>
        <tbody>
          {overhead.series.map(({ name, insns, runNs, slopeNs, r2, articleNs }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="num">{count(insns)}</td>
              <td className="num">{timeText(runNs)}</td>
              <td className="num">{timeText(slopeNs)}</td>
              <td className="num">{r2.toFixed(5)}</td>
              <td className="num">{articleNs === null ? '–' : texts.about(timeText(articleNs))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="accel-pad muted">{texts.why}</p>
    </div>
  );
}
