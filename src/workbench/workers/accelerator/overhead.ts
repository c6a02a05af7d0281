export const overhead = () => null;
