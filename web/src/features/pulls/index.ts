import '@/i18n/pulls';

export { Pulls } from './components/Pulls';
