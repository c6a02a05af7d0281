import { Suspense, useEffect, useRef, useState } from 'react';
import { type Inspected, setAskDims } from '../../workbench/actions.ts';
import { Boundary } from '../components/Boundary.tsx';
import { part } from '../components/part.tsx';
import { boundary as texts } from '../texts/boundary.ts';

const DimsQuestion = part(() => import('./DimsQuestion.tsx'));

interface Question {
  readonly file: string;
  readonly inspected: Inspected;
}

/** Asks for the sizes that a model leaves open, before it takes the place of the open one. */
export function DimsDialog() {
  const [question, setQuestion] = useState<Question | null>(null);
  const answer = useRef<(dims: Record<string, number> | null) => void>(() => {});
  useEffect(() => {
    setAskDims(
      (file, inspected) =>
        new Promise((resolve) => {
          answer.current(null);
          answer.current = resolve;
          setQuestion({ file, inspected });
        }),
    );
  }, []);
  const settle = (dims: Record<string, number> | null) => {
    answer.current(dims);
    answer.current = () => {};
    setQuestion(null);
  };
  if (!question) return null;
  return (
    <Boundary title={texts.parts.dims} onDismiss={() => settle(null)}>
      <Suspense>
        <DimsQuestion file={question.file} suggested={question.inspected.suggested} onSettle={settle} />
      </Suspense>
    </Boundary>
  );
}
