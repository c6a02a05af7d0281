/** What sharing and opening links says. */
export const linkTexts = {
  openingLink: 'Opening the link',
  linkOpened: (name: string) => `${name} opened from a link, as a project of its own`,
  linkStep: 'edit the program, as the link says',
  ownSource: (name: string) => (name ? `${name} is a file of yours, and a link carries no files` : 'there is nothing open to share'),
  onDisk: (name: string) => `${name} is too large to be held, so it has no hash by which a link could name it`,
  notGiven: 'its files were not given',
  tooLong: (length: number, most: number) =>
    `the link would have ${length.toLocaleString('en')} characters, and ${most.toLocaleString('en')} is the most that is of use`,
  otherBuild: (id: string) => `it was made with another build of BPFormer, whose sample ${id} is not the one of this page`,
  unknownSample: (id: string) => `it is about the sample ${id}, which this page does not have`,
  otherCompiler:
    'its changes to the program belong to another build of BPFormer, which compiles other instructions; the rest of it is open',
  askFile: 'Ask for the project as a file, which carries everything',
  carries: {
    sample: (name: string) => `the sample ${name}, by its hash`,
    text: (name: string) => `the text of ${name}`,
    files: (name: string) => `the settings of ${name}, and the SHA-256 and size of each file`,
    against: (name: string) => `the second program that it is compared with, ${name}`,
    name: (name: string) => `the name ${name}`,
    kernel: (kernel: string) => `kernel ${kernel}`,
    options: 'compile options',
    dims: 'sizes of dimensions',
    binding: 'the binding',
    calibration: 'the choice of calibration',
    edits: (n: number) => `${n.toLocaleString('en')} changed packet ${n === 1 ? 'byte' : 'bytes'}`,
    lines: (n: number) => `${n.toLocaleString('en')} ${n === 1 ? 'change' : 'changes'} of the program, as lines`,
    program: 'the edited program, as text',
    selection: 'what is selected',
    desk: 'the desk on show',
  },
};
