/** What the status bar says of the tour before it loads. */
export const tourOffer = {
  offer: 'New here? Take the tour',
  dismiss: 'No tour, thank you',
};
