/** What every report says of itself, as the service writes it; shown in the reader's language. */
export const DISCLAIMER = 'For research use only. Norma is not a medical device; a radiologist decides on every study.';
