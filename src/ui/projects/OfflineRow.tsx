/** Whether the page works without a network. */
export function OfflineRow() {
  return null;
}
