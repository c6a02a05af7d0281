import { InputError } from '../base/errors.ts';
import * as types from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import type { AddressSpaceLayout } from './address-space.ts';
import { ArrayMap } from './maps/array.ts';
import type { Cpus, VmMapCore } from './maps/types.ts';
import { MAP_KINDS, type MakeMap } from './parts.ts';

export { type ArrayGeometry, type Cpus, MapRefusal, type VmMap, type VmMapCore } from './maps/types.ts';

const array: MakeMap = (def, layout, cpus) => new ArrayMap(def, layout, cpus);
for (const type of [types.MAP_TYPE_ARRAY, types.MAP_TYPE_PERCPU_ARRAY]) MAP_KINDS.set(type, array);

/** The map of a definition; its memory is reserved in `layout`. `maps` are those of the machine, which maps of maps refer to. */
export function createMap(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus, maps: readonly VmMapCore[]): VmMapCore {
  if (def.data && def.data.length !== def.valueSize && def.type !== types.MAP_TYPE_ARENA) {
    throw new InputError(`map ${def.name} has values of ${def.valueSize} bytes, but contents of ${def.data.length}`);
  }
  const make = MAP_KINDS.get(def.type);
  if (!make) throw new InputError(`maps of type ${types.mapTypeName(def.type)} are not available in this machine`, `map ${def.name}`);
  return make(def, layout, cpus, maps);
}
