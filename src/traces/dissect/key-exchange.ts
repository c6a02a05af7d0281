/** What a server's key exchange consists of before its signature: nothing that is read here, a point on a curve, or numbers. */
export const UNSIGNED = 0;
export const CURVE = 1;
/** Modulus and exponent of a short-lived key of RSA. */
export const TWO_NUMBERS = 2;
/** Prime, generator and public value of Diffie-Hellman. */
export const THREE_NUMBERS = 3;

/** Cipher suites of the IANA registry (and the few that NSS had before their numbers were given), as ranges `first-last`, by their key exchange. */
const SUITES: readonly (readonly [kind: number, suites: string])[] = [
  [CURVE, 'c001-c014 c023-c032 c072-c079 c086-c08d c0ac-c0af cca8 cca9 e412-e415'],
  [TWO_NUMBERS, '1-a 2f 35 3b-3d 41 60-62 64 84 96 9c 9d ba c0 c07a c07b c09c c09d c0a0 c0a1 e410 e411 fefe feff ffe0 ffe1'],
  [
    THREE_NUMBERS,
    '11-16 32 33 38-39 40 44 45 63 65-67 6a 6b 87 88 99 9a 9e 9f a2 a3 bd be c3 c4 c07c c07d c080 c081 c09e c09f c0a2 c0a3 ccaa e41e e41f',
  ],
];

const KINDS: ReadonlyMap<number, number> = new Map(
  SUITES.flatMap(([kind, suites]) =>
    suites.split(' ').flatMap((range) => {
      const [first, last = first] = range.split('-').map((text) => Number.parseInt(text, 16)) as [number, number?];
      return Array.from({ length: last - first + 1 }, (_, i): [number, number] => [first + i, kind]);
    }),
  ),
);

/** How keys are exchanged under a cipher suite that a server chose. */
export const exchangeOf = (suite: number): number => KINDS.get(suite) ?? UNSIGNED;
