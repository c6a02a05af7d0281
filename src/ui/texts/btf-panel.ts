/** What the page knows of the panel before it loads. */
export const btfPanel = {
  title: 'Types',
  about: 'The types (BTF) of an object or a kernel: structures, offsets, prototypes, sections, CO-RE relocations and map types',
} as const;
