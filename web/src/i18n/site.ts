import en from './en-site.json';
import { addTexts } from './i18n';
import ru from './ru-site.json';

addTexts('site', { en, ru });
