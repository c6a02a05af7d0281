import { keyLabel } from '../commands.ts';
import { Dialog } from '../components/Dialog.tsx';
import { Version } from '../components/Version.tsx';
import { shell as texts } from '../texts/shell.ts';
import { COMMAND_GROUPS } from './commands.ts';
import { allowSingleKeys, showFront, useShell } from './shell-store.ts';

const { shortcuts: words } = texts;

/** Every key there is, from the commands themselves; and the keys that lists and graphs share. */
export default function Shortcuts() {
  const singleKeys = useShell((state) => state.singleKeys);
  return (
    <Dialog open wide title={words.title} onClose={() => showFront(null)}>
      <p className="muted">{words.about}</p>
      <label className="check">
        <input type="checkbox" checked={singleKeys} onChange={(event) => allowSingleKeys(event.target.checked)} /> {words.singleKeys}
      </label>
      <div className="shortcut-columns">
        {COMMAND_GROUPS.map((group) => {
          const keyed = group.commands.filter((command) => command.keys?.length);
          return keyed.length === 0 ? null : (
            <section key={group.title} className="shortcut-group">
              <h3>
                {group.title}
                {group.panel ? <span className="muted"> {words.inPanel}</span> : null}
              </h3>
              <dl className="kv keys">
                {keyed.map((command) => (
                  <Row key={command.id} keys={command.keys!} title={command.title} />
                ))}
              </dl>
            </section>
          );
        })}
        <section className="shortcut-group">
          <h3>{words.shared}</h3>
          <dl className="kv keys">
            {words.sharedKeys.map(([keys, title]) => (
              <Row key={title} keys={keys} title={title} />
            ))}
          </dl>
        </section>
      </div>
      <Version />
    </Dialog>
  );
}

function Row({ keys, title }: { keys: readonly string[]; title: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{keyLabel(key)}</kbd>
        ))}
      </dt>
      <dd>{title}</dd>
    </div>
  );
}
