import { Actions, DockLocation, TabNode } from 'flexlayout-react';
import { pathOfQuery } from '../../course/path.ts';
import { decodeLesson, LESSON_PREFIX } from '../../workbench/course/link.ts';
import { followPath, openForeign, openLesson } from '../../workbench/course/store.ts';
import { notifyFailure } from '../../workbench/failures.ts';
import { isEmbedded, modelOf } from '../shell/desk-store.ts';
import { DESKS } from '../shell/desks.ts';
import { PANELS } from '../shell/panels.ts';

const DOING = 'Opening the link';

/** Leaves only these panels on every desk. */
function embedPanels(ids: readonly string[]): void {
  for (const { id } of DESKS) {
    const model = modelOf(id);
    const first = model.getFirstTabSet()!.getId();
    for (const panel of ids)
      if (!model.getNodeById(panel))
        model.doAction(
          Actions.addTab({ type: 'tab', id: panel, component: panel, name: PANELS.get(panel)!.title }, first, DockLocation.CENTER, -1),
        );
    const others: string[] = [];
    model.visitNodes((node) => {
      if (node instanceof TabNode && !ids.includes(node.getId())) others.push(node.getId());
    });
    for (const tab of others) model.doAction(Actions.deleteTab(tab));
  }
}

let read = '';
let arriving = false;

/** Whether the lesson that appears now is the one that the address named; true once. */
export function cameByAddress(): boolean {
  const came = arriving;
  arriving = false;
  return came;
}

/** Opens what the address says: `?lesson=ID&step=N`, `?path=A,B&title=T`, `?embed=ID&panels=P,Q`, `#lesson=…`. */
export async function readAddress(): Promise<void> {
  // The pane may come and go; what was read is not opened again.
  const { href } = location;
  if (href === read) return;
  read = href;
  try {
    const query = new URLSearchParams(location.search);
    const embed = query.get('embed');
    if (embed !== null) {
      document.documentElement.dataset.embed = '';
      const named = (query.get('panels') ?? '').split(',').filter((id) => PANELS.has(id));
      embedPanels(named.length > 0 ? named : ['program']);
    }
    if (!isEmbedded()) followPath(pathOfQuery(query));
    if (location.hash.startsWith(LESSON_PREFIX)) {
      const file = decodeLesson(location.hash);
      history.replaceState(null, '', location.pathname + location.search);
      await openForeign(file);
      return;
    }
    const lesson = embed || query.get('lesson');
    const step = Number(query.get('step') ?? Number.NaN);
    arriving = lesson !== null;
    if (lesson) await openLesson(lesson, Number.isSafeInteger(step) && step > 0 ? step - 1 : undefined);
  } catch (error) {
    notifyFailure(DOING, error);
  }
}

/** Writes which lesson and step are on show into the address; what else stands there stays. */
export function writeAddress(lesson: string | null, step: number): void {
  if (isEmbedded()) return;
  const query = new URLSearchParams(location.search);
  if (lesson === null) {
    query.delete('lesson');
    query.delete('step');
  } else {
    query.set('lesson', lesson);
    query.set('step', String(step + 1));
  }
  const text = query.toString().replace(/%2C/g, ',').replace(/%7E/g, '~');
  history.replaceState(history.state, '', `${location.pathname}${text ? `?${text}` : ''}${location.hash}`);
  read = location.href;
}
