import en from './en-administration.json';
import { addTexts } from './i18n';
import ru from './ru-administration.json';

addTexts('administration', { en, ru });
