/** Texts of the Compare panel. */
export const compare = {
  title: 'Compare',
  about: 'Agreement with ONNX Runtime, event by event',
};
