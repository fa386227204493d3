import '@/i18n/administration';

export { Users } from './components/Users';
