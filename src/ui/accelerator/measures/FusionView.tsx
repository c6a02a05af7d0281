import { applyFusion, useAccelerator } from '../../../workbench/accelerator.ts';
import type { FusionProposal, FusionState } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { bytesText, count, timeText } from '../format.ts';
import { useAsked } from '../useAsked.ts';

const { fusion: texts } = accelerator;

/** What could be one kernel, what that would save by the model, and whether it gives the same. */
export function FusionView() {
  const { value, again } = useAsked<FusionState>('fusion');
  const busy = useAccelerator((state) => state.doing !== null);
  if (!value) return null;
  const { proposals, result, applied } = value;
  if (proposals.length === 0) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
      </div>
    );
  }
  return (
    <div className="accel-scroll" data-testid="accel-fusion">
      <div className="accel-bar">
        <button
          type="button"
          className="button primary"
          disabled={busy}
          title={texts.applyAbout}
          onClick={() => void applyFusion(true).then(again)}
        >
          {texts.apply(proposals.length)}
        </button>
        <button type="button" className="button" disabled={busy || applied === 0} onClick={() => void applyFusion(false).then(again)}>
          {texts.undo}
        </button>
      </div>
      {result ? (
        <div className="accel-pad" role="status" data-testid="accel-fused" data-equal={result.equal}>
          <p className={result.equal ? 'ok' : 'bad'}>
            {result.equal ? '✓' : '✕'} {result.message}
          </p>
          <table className="accel-table">
            <thead>
              <tr>
                <th scope="col">{texts.pass}</th>
                <th scope="col" className="num">
                  {texts.commands}
                </th>
                <th scope="col" className="num">
                  {texts.traffic}
                </th>
                <th scope="col" className="num">
                  {texts.time}
                </th>
              </tr>
            </thead>
            <tbody>
              {(['before', 'after'] as const).map((side) => (
                <tr key={side}>
                  <th scope="row">{texts[side]}</th>
                  <td className="num">{count(result[side].commands)}</td>
                  <td className="num">{bytesText(result[side].bytes)}</td>
                  <td className="num">{timeText(result[side].ns)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      <table className="accel-table">
        <caption>{texts.proposals}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.kind}</th>
            <th scope="col">{texts.of}</th>
            <th scope="col" className="num">
              {texts.saves}
            </th>
            <th scope="col" className="num">
              {texts.faster}
            </th>
          </tr>
        </thead>
        <tbody>
          {proposals.map((proposal) => (
            <Proposal key={proposal.id} proposal={proposal} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Proposal({ proposal: { kind, commands, bytesSaved, nsSaved } }: { proposal: FusionProposal }) {
  return (
    <tr>
      <th scope="row">{kind}</th>
      <td className="accel-wrap">{commands.join(' + ')}</td>
      <td className="num">{bytesText(bytesSaved)}</td>
      <td className="num">{timeText(nsSaved)}</td>
    </tr>
  );
}
