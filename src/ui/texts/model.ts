/** Texts of the Model panel. */
export const model = {
  title: 'Model',
  about: 'The ONNX graph, its groups, tensors and weights',
};
