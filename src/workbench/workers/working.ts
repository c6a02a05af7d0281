import type { Working } from '../../base/pace.ts';
import type { CallContext } from '../rpc.ts';
import { rest } from './rest.ts';

/** What long reading needs of a call. */
export const working = (context?: CallContext): Working => ({
  rest,
  ...(context
    ? {
        progress: {
          report: context.progress.bind(context),
          get cancelled() {
            return context.cancelled;
          },
        },
      }
    : {}),
});
