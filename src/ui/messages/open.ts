import { pageById, pageFor } from '../../verifier/catalogue/catalogue.ts';
import { announce } from '../../workbench/store.ts';
import { showPanel } from '../shell/desk-store.ts';
import { messages as texts } from '../texts/messages.ts';
import { useMessages } from './message-store.ts';

/** Shows a page by its name in links. */
export function openPage(id: string): void {
  const page = pageById(id);
  if (!page) {
    announce(texts.noPage(id));
    return;
  }
  useMessages.setState({ query: '', page: page.id });
  showPanel('messages');
}

/** Shows the page of a message that the verifier gave. */
export function openMessage(message: string): void {
  const page = pageFor(message);
  if (page) openPage(page.id);
  else announce(texts.noPage(message));
}

/** The link to a page: the address of this site, without what is open. */
export function linkTo(id: string): string {
  const url = new URL(location.href);
  url.hash = `message=${id}`;
  return url.href;
}
