/**
 * The page's policy asks for Trusted Types (`scripts/csp.mjs`): a browser that has them takes no string for HTML, for a script or for the address of one. Nothing here makes HTML
 * or script of strings, so the default policy allows addresses alone, and those of the site's own scripts only: workers are started by them.
 */
interface Policies {
  createPolicy(name: 'default', rules: { createScriptURL(address: string): string }): unknown;
}

const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;

policies?.createPolicy('default', {
  createScriptURL(address) {
    const { origin, pathname } = new URL(address, document.baseURI);
    if (origin === location.origin && /\.(?:m?js|tsx?)$/.test(pathname)) return address;
    throw new TypeError(`not a script of this site: ${address.slice(0, 200)}`);
  },
});
