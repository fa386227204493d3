import '@/i18n/administration';

export { AuditTrail } from './components/AuditTrail';
