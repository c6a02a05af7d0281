import { MICROSOFT } from './microsoft.ts';
import { ML } from './ml.ts';
import { like } from './norm.ts';
import { MICROSOFT_QUANTISED, QUANTISED } from './quantised.ts';
import { RECURRENT } from './recurrent.ts';
import { RESIZE } from './resize.ts';
import { addOps } from './table.ts';

/** Operators that most models do not have: importing this file makes them known. */
addOps('', { Shrink: like, ...QUANTISED, ...RESIZE, ...RECURRENT });
addOps('com.microsoft', { ...MICROSOFT, ...MICROSOFT_QUANTISED });
addOps('ai.onnx.ml', ML);
