import '@/i18n/administration';

export { Operation } from './components/Operation';
