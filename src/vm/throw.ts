/** Leaves every frame of the program; its result, or its exception callback's argument, is `cookie`. */
export class ProgramThrow {
  readonly cookie: bigint;

  constructor(cookie: bigint) {
    this.cookie = cookie;
  }
}
