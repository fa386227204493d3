import en from './en-personal-data.json';
import { addTexts } from './i18n';
import ru from './ru-personal-data.json';

addTexts('personal-data', { en, ru });
