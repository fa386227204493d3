import en from './en-deliveries.json';
import { addTexts } from './i18n';
import ru from './ru-deliveries.json';

addTexts('deliveries', { en, ru });
