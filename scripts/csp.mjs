// The one Content-Security-Policy of the site: the build writes it into index.html and the static server sends it as a header.
// Monaco creates style elements at run time, hence 'unsafe-inline' for styles only; ONNX Runtime compiles WebAssembly.
export const CSP = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
