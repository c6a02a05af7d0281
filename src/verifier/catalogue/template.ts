/**
 * A message without what differs from program to program: registers, numbers, names of helpers and hooks. Messages with the same template have one
 * page in the catalogue.
 */
export function templateOf(message: string): string {
  return message
    .replace(/verification time \d+ usec$/, '')
    .replace(/processed \d+ insns \(limit.*$/s, '')
    .replace(/^old state:.*$/s, 'infinite loop detected at insn N')
    .replace(/\bfunc bpf_\w+#\d+|\bhelper bpf_\w+#\d+|\bcall bpf_\w+#\d+/g, (text) => text.replace(/bpf_\w+#\d+/, 'HELPER'))
    .replace(/kernel function \w+ is/, 'kernel function NAME is')
    .replace(/\baccelerator\/\w+ programs/, 'accelerator/HOOK programs')
    .replace(/sleepable kfunc \w+/, 'sleepable kfunc NAME')
    .replace(/kernel symbol '\w+'/, "kernel symbol 'NAME'")
    .replace(/func#\d+ \('\w+'\)/, "func#N ('NAME')")
    .replace(/unknown opcode [0-9a-f]+/, 'unknown opcode N')
    .replace(/struct \w+ (?=at off|with off)/, 'struct NAME ')
    .replace(/(?:ptr_|type=ptr_)prog_test\w+|prog_test\w+/g, 'NAME')
    .replace(/\bR\d+/g, 'R#')
    .replace(/0x[0-9a-f]+/g, 'N')
    .replace(/-?\b\d+/g, 'N')
    .replace(/(?<=[a-z_])\d+\b/g, 'N')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The page's name in links: lower-case words of the template. */
export function idOf(template: string): string {
  const words = template
    .replaceAll("'", '')
    .replace(/R#/g, 'r')
    .replace(/[^A-Za-z]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase();
  return words.length <= 80 ? words : words.slice(0, 80).replace(/-[^-]*$/, '');
}
