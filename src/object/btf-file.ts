import { InputError } from '../base/errors.ts';
import { type Btf, KIND_ENUM64, readBtf } from './btf.ts';
import { readSection } from './elf.ts';

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** Types of a kernel as files have them: bare BTF (`/sys/kernel/btf/vmlinux`, BTFHub), or an ELF file of any machine with a section `.BTF` (`vmlinux`). */
export function readBtfFile(bytes: Uint8Array, fileName: string): Btf {
  const isElf = ELF_MAGIC.every((byte, at) => bytes[at] === byte);
  const section = isElf ? readSection(bytes, fileName, '.BTF') : bytes;
  if (!section)
    throw new InputError('it has no section .BTF', fileName, 'Give a vmlinux with BTF, or a file such as /sys/kernel/btf/vmlinux');
  const btf = readBtf(section, isElf ? `${fileName}, section .BTF` : fileName);
  // A module's BTF goes on where that of its kernel ends; alone its numbers mean other types.
  const here = btf.types.length;
  const foreign = btf.types.findIndex(
    ({ kind, type, members }) => type >= here || (kind !== KIND_ENUM64 && members.some((member) => member.type >= here)),
  );
  if (foreign >= 0)
    throw new InputError(
      `type ${foreign} refers to a type that the file does not hold: it is part of another BTF, as a module's is`,
      fileName,
    );
  return btf;
}
