/**
 * The page's policy asks for Trusted Types (`scripts/csp.mjs`): a browser that has them takes no string for HTML, for a script or for the address of one. Nothing here makes HTML
 * or script of strings, so the default policy allows addresses alone, and whole ones of the site only: workers are started by them. Null refuses.
 */
interface Policies {
  createPolicy(name: 'default', rules: { createScriptURL(address: string): string | null }): unknown;
}

(window as { trustedTypes?: Policies }).trustedTypes?.createPolicy('default', {
  createScriptURL: (address) => (address.startsWith(`${origin}/`) ? address : null),
});
