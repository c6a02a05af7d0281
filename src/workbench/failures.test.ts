import { afterEach, expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import { Cancelled } from '../base/progress.ts';
import { toUserError } from './errors.ts';
import { notifyFailure } from './failures.ts';
import { RemoteError } from './rpc.ts';
import { useWorkbench } from './store.ts';

const said = () => useWorkbench.getState().notices.map(({ doing, error: { what } }) => [doing, what]);
afterEach(() => useWorkbench.setState({ notices: [] }));

test('failures are told in the words of whoever met them', () => {
  notifyFailure('Opening a.o', new RemoteError({ what: 'no ELF file', where: 'a.o', advice: '' }));
  notifyFailure('Opening b.o', new InputError('it is empty', 'b.o'));
  notifyFailure('Exporting', new TypeError('x is not a function'));
  expect(said()).toEqual([
    ['Opening a.o', 'no ELF file'],
    ['Opening b.o', 'it is empty'],
    ['Exporting', 'Exporting failed unexpectedly: x is not a function'],
  ]);
});

test('what was asked for in a project that was left is no failure', () => {
  notifyFailure('Exporting the object', new Cancelled());
  expect(said()).toEqual([]);
});

test('what was stopped is called so wherever it is told', () => {
  expect(toUserError(new Cancelled(), 'Compiling C')).toEqual({ what: 'Compiling C was stopped', where: '', advice: '' });
});
