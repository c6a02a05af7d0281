export const versionTexts = {
  of: (release: string, build: string) => `BPFormer ${release}${build ? `, build ${build}` : ''}`,
  licences: 'Licences',
  bill: 'Bill of materials',
};
