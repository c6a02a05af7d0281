import type { ComparisonResult } from '../../reference/compare.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { compare as texts } from '../texts/compare.ts';

/** What ONNX Runtime decides by row, what the program decides by column; classes that never occur are left out. */
export function Confusion({ result }: { result: ComparisonResult }) {
  const used = result.classes
    .map((_, at) => at)
    .filter((at) => result.confusion[at]!.some((count) => count > 0) || result.confusion.some((row) => row[at]! > 0));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: many classes are wider than the panel, and what scrolls must be reachable by keyboard.
    <section className="confusion-scroll" tabIndex={0} aria-label={texts.confusion}>
      <table className="confusion" data-testid="confusion">
        <caption>{texts.confusion}</caption>
        <thead>
          <tr>
            <td />
            {used.map((at) => (
              <th key={at} scope="col" className="num">
                {result.classes[at]!.name}
              </th>
            ))}
            <th scope="col" className="num">
              {texts.agreed}
            </th>
          </tr>
        </thead>
        <tbody>
          {used.map((row) => (
            <tr key={row}>
              <th scope="row">{result.classes[row]!.name}</th>
              {used.map((column) => {
                const count = result.confusion[row]![column]!;
                return (
                  <td key={column} className={`num${row === column ? ' diagonal' : count > 0 ? ' off' : ' zero'}`}>
                    {formatCount(count)}
                  </td>
                );
              })}
              <td className="num">{texts.part(result.classes[row]!.agreed, result.classes[row]!.events)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
