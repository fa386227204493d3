import '@/i18n/deliveries';

export { Deliveries } from './components/Deliveries';
