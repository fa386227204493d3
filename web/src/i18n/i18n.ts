import i18next, { type BackendModule, type ResourceKey } from 'i18next';
import { initReactI18next } from 'react-i18next';

export const LANGUAGES = ['ru', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each in its own language: who looks for it reads that one. */
export const LANGUAGE_NAMES: Record<Language, string> = { ru: 'Русский', en: 'English' };

/** Texts that a page brings along when it is opened; keys are looked for in each of them. */
export const PARTS = ['administration', 'connections', 'deliveries', 'personal-data', 'pulls', 'site'] as const;
export type Part = (typeof PARTS)[number];

/** Adds the texts of a part in both languages. */
export function addTexts(part: Part, texts: Record<Language, object>): void {
  for (const language of LANGUAGES) {
    i18next.addResourceBundle(language, part, texts[language]);
  }
}

/** A reader needs the texts of one language, so each is a chunk of its own; a test holds that both have the same keys. */
const TEXTS: Record<Language, () => Promise<{ default: ResourceKey }>> = { en: () => import('./en'), ru: () => import('./ru') };

const texts: BackendModule = {
  type: 'backend',
  init: () => undefined,
  read: (language, _namespace, done) => {
    TEXTS[language as Language]().then(
      (loaded) => done(null, loaded.default),
      (error: unknown) => done(error instanceof Error ? error : String(error), true),
    );
  },
};

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

/** Stands when the texts of the preferred language are there. */
export const textsLoaded: Promise<unknown> = i18next
  .use(texts)
  .use(initReactI18next)
  .init({
    lng: preferredLanguage(),
    fallbackLng: false,
    fallbackNS: PARTS,
    load: 'currentOnly',
    supportedLngs: LANGUAGES,
    interpolation: { escapeValue: false },
    returnNull: false,
  });

export default i18next;
