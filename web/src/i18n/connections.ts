import en from './en-connections.json';
import { addTexts } from './i18n';
import ru from './ru-connections.json';

addTexts('connections', { en, ru });
