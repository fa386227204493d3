import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

import enAccess from './en-access.json';
import enDeliveries from './en-deliveries.json';
import enIdentity from './en-identity.json';
import enReasons from './en-reasons.json';
import enSite from './en-site.json';
import en from './en.json';
import ruAccess from './ru-access.json';
import ruDeliveries from './ru-deliveries.json';
import ruIdentity from './ru-identity.json';
import ruReasons from './ru-reasons.json';
import ruSite from './ru-site.json';
import ru from './ru.json';

export const LANGUAGES = ['ru', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each in its own language: who looks for it reads that one. */
export const LANGUAGE_NAMES: Record<Language, string> = { ru: 'Русский', en: 'English' };

export const resources = {
  en: { translation: { ...en, ...enAccess, ...enDeliveries, ...enIdentity, ...enReasons, ...enSite } },
  ru: { translation: { ...ru, ...ruAccess, ...ruDeliveries, ...ruIdentity, ...ruReasons, ...ruSite } },
} as const;

const KEY = 'norma-language';

const isLanguage = (text: string | null): text is Language => LANGUAGES.some((language) => language === text);

/** The remembered language, else the browser's first that there is, else English. */
export function preferredLanguage(): Language {
  try {
    const stored = window.localStorage.getItem(KEY);
    if (isLanguage(stored)) {
      return stored;
    }
  } catch {
    // Without storage the browser's language is followed each time.
  }
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? 'en';
}

export function changeLanguage(language: Language): void {
  try {
    window.localStorage.setItem(KEY, language);
  } catch {
    // Kept until the page is closed.
  }
  void i18next.changeLanguage(language);
}

i18next.on('languageChanged', (language) => {
  document.documentElement.lang = language;
});

void i18next.use(initReactI18next).init({
  resources,
  lng: preferredLanguage(),
  fallbackLng: 'en',
  interpolation: { escapeValue: false },
  returnNull: false,
});

export default i18next;
