export { AuditTrail } from './components/AuditTrail';
