import { Component, type ReactNode, useState } from 'react';
import { toUserError } from '../../workbench/errors.ts';
import { reloadPage } from '../../workbench/projects/offline.ts';
import { boundary as texts } from '../texts/boundary.ts';
import { ErrorNote } from './ErrorNote.tsx';
import { PartError, retryParts } from './part.tsx';
import './boundary.css';

interface BoundaryProps {
  /** What stands here, as the user knows it. */
  readonly title: string;
  /** Takes away what failed; without it the message stays until it is mended. */
  readonly onDismiss?: () => void;
  readonly children: ReactNode;
}

interface BoundaryState {
  readonly error: unknown;
  /** How often it failed since it was whole. */
  readonly failures: number;
}

/** Holds what fails in a part of the page within it: says so, and lets the user try again. */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { error: null, failures: 0 };

  static getDerivedStateFromError(error: unknown): Pick<BoundaryState, 'error'> {
    return { error };
  }

  override componentDidCatch(): void {
    this.setState(({ failures }) => ({ failures: failures + 1 }));
  }

  readonly #again = (): void => {
    retryParts();
    this.setState({ error: null });
  };

  override render(): ReactNode {
    const { error, failures } = this.state;
    const { title, onDismiss, children } = this.props;
    if (error === null) return children;
    return <Failed title={title} error={error} repeated={failures > 1} onAgain={this.#again} {...(onDismiss ? { onDismiss } : {})} />;
  }
}

interface FailedProps {
  readonly title: string;
  readonly error: unknown;
  readonly repeated: boolean;
  readonly onAgain: () => void;
  readonly onDismiss?: () => void;
}

/**
 * Browsers that follow the older HTML standard remember a script that could not be fetched for as long as the page lives: where trying again in place did not
 * help, the page is loaded anew, if the server answers.
 */
function Failed({ title, error, repeated, onAgain, onDismiss }: FailedProps) {
  const [unreachable, setUnreachable] = useState(false);
  const isPart = error instanceof PartError;
  const said = isPart
    ? { what: texts.notLoaded(title), where: '', advice: unreachable ? texts.unreachable : repeated ? texts.reloadAbout : texts.againAbout }
    : { ...toUserError(error, title), advice: texts.failedAbout };
  const reload = async () => {
    setUnreachable(false);
    setUnreachable(!(await reloadPage()));
  };
  return (
    <div className="boundary">
      <ErrorNote
        error={said}
        actions={[isPart && repeated ? { title: texts.reload, run: () => void reload() } : { title: texts.again, run: onAgain }]}
        {...(onDismiss ? { onDismiss } : {})}
      />
    </div>
  );
}
