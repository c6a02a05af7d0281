/** Licences under which Linux lets a program call what only GPL programs may (license_is_gpl_compatible). */
const GPL = new Set(['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL']);

export const isGplCompatible = (license: string): boolean => GPL.has(license);
