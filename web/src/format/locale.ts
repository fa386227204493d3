/** The locale of a language of ours: English with the day before the month, as medicine writes dates. */
export const localeOf = (language: string): string => (language.startsWith('ru') ? 'ru-RU' : 'en-GB');
