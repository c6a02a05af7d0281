import { type DragEvent, useEffect, useState } from 'react';
import { openFiles } from '../../workbench/actions.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { Desk } from './Desk.tsx';
import { DimsDialog } from './DimsDialog.tsx';
import { HelpDialog } from './HelpDialog.tsx';
import { handleKey } from './keys.ts';
import { Notices } from './Notices.tsx';
import { StatusBar } from './StatusBar.tsx';
import { TopBar } from './TopBar.tsx';
import './shell.css';

export function App() {
  const announcement = useWorkbench((state) => state.announcement);
  const [help, setHelp] = useState(false);
  const [dropping, setDropping] = useState(false);

  useEffect(() => {
    const listen = (event: KeyboardEvent) => handleKey(event, () => setHelp(true));
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);

  const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files may be dropped anywhere; the Open button does the same
    <div
      className="app"
      onDragOver={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setDropping(true);
      }}
      onDragLeave={(event) => {
        if (event.relatedTarget === null) setDropping(false);
      }}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setDropping(false);
        void openFiles([...event.dataTransfer.files]);
      }}
    >
      <TopBar onHelp={() => setHelp(true)} />
      <Notices />
      <Desk />
      <StatusBar />
      {dropping ? <div className="drop-hint">Drop .onnx, .pcap, .npy, .o, .s or a binding .json</div> : null}
      <DimsDialog />
      <HelpDialog open={help} onClose={() => setHelp(false)} />
      <div className="visually-hidden" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}
