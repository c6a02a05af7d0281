import { messages as texts } from '../texts/messages.ts';

/** Leads from a message to its page; the catalogue loads with the first click. */
export function MessageLink({ message }: { message: string }) {
  return (
    <button type="button" className="link" onClick={() => void import('./open.ts').then(({ openMessage }) => openMessage(message))}>
      {texts.about}
    </button>
  );
}
