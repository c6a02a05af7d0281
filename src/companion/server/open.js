// Takes the token out of the address, exchanges it for the session's key and keeps that in the tab, of which no other origin, port or tab learns.
// The token stands behind `#`, so that no request, log or referrer carries it. The key's name is SESSION_KEY of protocol.ts.
const said = document.getElementById('said');
const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
const fail = (text) => {
  said.textContent = text;
};

async function exchange() {
  const head = new TextEncoder().encode(JSON.stringify({ token, blobs: [] }));
  const body = new Uint8Array(4 + head.length);
  new DataView(body.buffer).setUint32(0, head.length, true);
  body.set(head, 4);
  const headers = { 'Content-Type': 'application/octet-stream' };
  const reply = await fetch('/companion/api/session', { method: 'POST', headers, body });
  const answer = await reply.json();
  if (!reply.ok) {
    fail(`${answer.error}. Type link in the terminal for a new address.`);
    return;
  }
  sessionStorage.setItem('bpformer.companion', answer.session);
  location.replace('/');
}

if (token === '') fail('This address lacks its token. Use the address that the terminal shows.');
else exchange().catch(() => fail('The companion does not answer. Start it again.'));
