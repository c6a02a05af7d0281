// The one Content-Security-Policy of the site: the build writes it into index.html and the static server sends it as a header.
// Monaco creates style elements at run time, hence 'unsafe-inline' for styles only; ONNX Runtime compiles WebAssembly, and nothing else is made of text:
// with Trusted Types no string becomes HTML or a script, but by the policies named here. `default` is src/ui/trusted-types.ts, the others are Monaco's, for HTML that it has made
// itself of escaped text.
const POLICIES = [
  'default',
  'defaultWorkerFactory',
  'diffEditorWidget',
  'diffReview',
  'domLineBreaksComputer',
  'dompurify',
  'editorGhostText',
  'editorViewLayer',
  'richScreenReaderContent',
  'standaloneColorizer',
  'stickyScrollViewLayer',
  'tokenizeToString',
];

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
  "require-trusted-types-for 'script'",
  `trusted-types ${POLICIES.join(' ')}`,
].join('; ');
