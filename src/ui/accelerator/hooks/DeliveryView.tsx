import { useEffect, useState } from 'react';
import {
  deliver,
  loadTrust,
  makeKey,
  requireSigned,
  revokeKey,
  revokeObject,
  signObject,
  useAccelerator,
} from '../../../workbench/accelerator.ts';
import { DELIVERIES, type TrustView } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';

const { delivery: texts } = accelerator;

/** Signed delivery: keys that the device trusts, objects with their signatures, and what came of giving each to the device. */
export function DeliveryView() {
  const trust = useAccelerator((state) => state.trust);
  useEffect(() => {
    if (!trust) void loadTrust();
  }, [trust]);
  if (!trust) return null;
  return (
    <div className="accel-scroll" data-testid="accel-delivery">
      <Keys trust={trust} />
      <Objects trust={trust} />
      <h2 className="accel-title">{texts.log}</h2>
      {trust.deliveries.length === 0 ? <p className="accel-pad muted">{texts.noLog}</p> : null}
      <ul className="accel-pad" data-testid="accel-deliveries">
        {trust.deliveries.map(({ object, how, accepted, message }, at) => (
          <li key={at}>
            <span className={accepted ? 'ok' : 'bad'}>{texts.verdict(accepted)}</span> {object}, {texts.hows[how]}
            <span className="muted">: {message}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Keys({ trust }: { trust: TrustView }) {
  const [name, setName] = useState('');
  return (
    <>
      <h2 className="accel-title">{texts.root}</h2>
      <label className="accel-pad check">
        <input type="checkbox" checked={trust.required} onChange={({ target }) => void requireSigned(target.checked)} />
        {texts.required}
      </label>
      {trust.keys.length === 0 ? <p className="accel-pad muted">{texts.noKeys}</p> : null}
      <ul className="accel-pad">
        {trust.keys.map((key) => (
          <li key={key.id} className="accel-line">
            <strong>{key.name}</strong> <span className="mono muted">{texts.keyId(key.id.slice(0, 16))}</span>
            {key.revoked ? <span className="bad">{texts.revoked}</span> : null}
            <span className="grow" />
            <button
              type="button"
              className="button small"
              disabled={key.revoked}
              aria-label={texts.revokeKey(key.name)}
              onClick={() => void revokeKey(key.id)}
            >
              {texts.revoke}
            </button>
          </li>
        ))}
      </ul>
      <form
        className="accel-bar"
        onSubmit={(event) => {
          event.preventDefault();
          void makeKey(name.trim() || texts.usualName);
          setName('');
        }}
      >
        <input
          className="field"
          aria-label={texts.name}
          placeholder={texts.usualName}
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <button type="submit" className="button bordered" title={texts.makeAbout}>
          {texts.make}
        </button>
      </form>
    </>
  );
}

function Objects({ trust }: { trust: TrustView }) {
  const able = trust.keys.some(({ own, revoked }) => own && !revoked);
  return (
    <>
      <h2 className="accel-title">{texts.objects}</h2>
      {trust.objects.length === 0 ? <p className="accel-pad muted">{texts.noObjects}</p> : null}
      <ul className="accel-pad">
        {trust.objects.map(({ name, hash, version, revoked }) => (
          <li key={hash} className="accel-object" data-object={name}>
            <div className="accel-line">
              <strong className="ellipsis">{name}</strong> <span className="mono muted">{hash.slice(0, 12)}</span>
              <span className={version === null ? 'muted' : 'ok'}>{version === null ? texts.unsigned : texts.signed(version)}</span>
              {revoked ? <span className="bad">{texts.revoked}</span> : null}
            </div>
            <div className="accel-line">
              <button
                type="button"
                className="button bordered small"
                disabled={!able}
                aria-label={texts.signObject(name)}
                title={able ? texts.signAbout : texts.noKeys}
                onClick={() => void signObject(hash)}
              >
                {texts.sign}
              </button>
              {DELIVERIES.map((how) => (
                <button
                  key={how}
                  type="button"
                  className="button small"
                  disabled={version === null && how !== 'unsigned'}
                  aria-label={texts.deliverObject(name, texts.hows[how])}
                  title={texts.deliverAbout[how]}
                  onClick={() => void deliver(hash, how)}
                >
                  {texts.deliver[how]}
                </button>
              ))}
              <button
                type="button"
                className="button small"
                disabled={revoked}
                aria-label={texts.revokeObject(name)}
                onClick={() => void revokeObject(hash)}
              >
                {texts.revoke}
              </button>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}
