import { type Btf, type BtfId, KIND_DATASEC, KIND_PTR, KIND_STRUCT } from './btf.ts';

/** What a map's definition says of the types of its keys and values; 0 where it gives sizes alone. */
export interface MapTypes {
  readonly name: string;
  readonly key: BtfId;
  readonly value: BtfId;
}

/** Types of keys and values of the maps in `.maps`. */
export function mapTypes(btf: Btf): MapTypes[] {
  return btf.at(btf.find(KIND_DATASEC, '.maps')).vars.flatMap(({ type }) => {
    const variable = btf.at(type);
    const struct = btf.at(btf.skip(variable.type));
    if (struct.kind !== KIND_STRUCT) return [];
    const of = (name: string): BtfId => {
      const pointer = btf.at(btf.skip(struct.members.find((member) => member.name === name)?.type ?? 0));
      return pointer.kind === KIND_PTR ? pointer.type : 0;
    };
    return [{ name: variable.name, key: of('key'), value: of('value') }];
  });
}
