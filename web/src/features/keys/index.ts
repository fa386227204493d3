import '@/i18n/administration';

export { Keys } from './components/Keys';
