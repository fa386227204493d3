import '@/i18n/deliveries';

export { Deliveries } from './components/Deliveries';
export { useReasonText as useDeliveryReason } from './components/use-reason-text';
