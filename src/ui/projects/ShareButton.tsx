import { Link } from 'lucide-react';
import { projects as texts } from '../texts/projects.ts';
import { showShare } from './open.ts';

export function ShareButton() {
  return (
    <button type="button" className="button" onClick={showShare} title={texts.share.hint} aria-label={texts.share.button}>
      <Link size={14} /> <span className="wide-only">{texts.share.button}</span>
    </button>
  );
}
