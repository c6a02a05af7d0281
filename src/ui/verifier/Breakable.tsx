import { Fragment } from 'react';

/** A state in the kernel's notation, which may break after each comma. */
export function Breakable({ text }: { text: string }) {
  return text.split(',').map((part, at, parts) => (
    <Fragment key={at}>
      {part}
      {at + 1 < parts.length ? ',' : ''}
      <wbr />
    </Fragment>
  ));
}
