import en from './en-pulls.json';
import { addTexts } from './i18n';
import ru from './ru-pulls.json';

addTexts('pulls', { en, ru });
