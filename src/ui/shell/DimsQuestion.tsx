import { Dialog } from '../components/Dialog.tsx';
import { DimsForm } from '../model/DimsForm.tsx';

/** The form for sizes that a model leaves open. */
export default function DimsQuestion({
  file,
  suggested,
  onSettle,
}: {
  file: string;
  suggested: Readonly<Record<string, number>>;
  onSettle: (dims: Record<string, number> | null) => void;
}) {
  return (
    <Dialog open title={`Dimensions of ${file}`} onClose={() => onSettle(null)}>
      <DimsForm suggested={suggested} onSubmit={onSettle} />
    </Dialog>
  );
}
