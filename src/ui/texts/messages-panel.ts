/** What the palette and the tabs say of the Messages panel before it loads. */
export const messagesPanel = {
  title: 'Messages',
  about: 'What each message of the verifier means',
} as const;
