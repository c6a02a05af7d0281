import { constants } from 'node:os';

/** Linux's numbers that Node's list has no names for, or on other systems other numbers. */
const MORE: Readonly<Record<number, string>> = { 122: 'EDQUOT', 125: 'ECANCELED', 126: 'ENOKEY', 129: 'EKEYREJECTED' };

/** The name of an errno of Linux, `errno N` where there is none. */
export function errnoName(errno: number): string {
  const known = MORE[errno] ?? Object.entries(constants.errno).find(([, value]) => value === errno)?.[0];
  return known ?? `errno ${errno}`;
}
