export const traceSummary = () => null;
export const traceSearch = () => null;
export const traceExport = () => null;
