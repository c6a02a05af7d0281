import { BitsSlider } from '../../touch/BitsSlider.tsx';
import { Ready } from './Ready.tsx';

/** The slider of bits over the open model. */
export default function LiveBits() {
  return <Ready>{({ programKey }) => <BitsSlider programKey={programKey} />}</Ready>;
}
