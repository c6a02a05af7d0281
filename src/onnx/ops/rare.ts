import { EINSUM } from './einsum.ts';
import { FUNCTIONS } from './functions.ts';
import { MICROSOFT } from './microsoft.ts';
import { ML } from './ml.ts';
import { like } from './norm.ts';
import { PLACES } from './places.ts';
import { MICROSOFT_QUANTISED, QUANTISED } from './quantised.ts';
import { RECURRENT } from './recurrent.ts';
import { REPEATING } from './repeating.ts';
import { RESIZE } from './resize.ts';
import { addOps } from './table.ts';
import { WINDOWS } from './windows.ts';

/** Operators beyond those of the plainest encoders: importing this file makes them known. */
addOps('', { ...FUNCTIONS, ...REPEATING, ...PLACES, ...WINDOWS, ...EINSUM, Shrink: like, ...QUANTISED, ...RESIZE, ...RECURRENT });
addOps('com.microsoft', { ...MICROSOFT, ...MICROSOFT_QUANTISED });
addOps('ai.onnx.ml', ML);
