import { type ComponentType, lazy, type ReactElement } from 'react';

/** A part of the page whose code could not be had; `cause` is what the browser says of it. */
export class PartError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'PartError';
  }
}

/** What begins each failed part anew. */
const failed = new Set<() => void>();

type PropsOf<Part> = Part extends ComponentType<infer Props> ? Props & object : never;

/**
 * A component whose code is loaded when it is first drawn. One that could not be loaded throws {@link PartError} as it is drawn, until
 * {@link retryParts}: React's own `lazy` keeps a failure for good.
 */
export function part<Part extends ComponentType<never>>(
  loadCode: () => Promise<{ default: Part }>,
): (props: PropsOf<Part>) => ReactElement {
  const load = loadCode as unknown as () => Promise<{ default: ComponentType<object> }>;
  const begin = (loading: typeof load) =>
    lazy(() =>
      loading().catch((error: unknown) => {
        failed.add(() => {
          Loaded = begin(() => mendStyle(error).then(load));
        });
        throw new PartError(error);
      }),
    );
  let Loaded = begin(load);
  return (props) => <Loaded {...props} />;
}

/** The bundler's loader asks for each style sheet once: one that could not be fetched is asked for again here, before the code that needs it. */
async function mendStyle(error: unknown): Promise<void> {
  const href = error instanceof Error ? /Unable to preload CSS for (\S+)/.exec(error.message)?.[1] : undefined;
  const broken = [...document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')].find((link) => link.href === href);
  if (!broken) return;
  const link = broken.cloneNode() as HTMLLinkElement;
  await new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = () => reject(error);
    broken.replaceWith(link);
  });
}

/** Lets all parts that could not be loaded be asked for again. */
export function retryParts(): void {
  for (const begin of failed) begin();
  failed.clear();
}
