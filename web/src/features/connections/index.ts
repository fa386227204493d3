import '@/i18n/connections';
import '@/i18n/deliveries';

export { Arrivals } from './components/Arrivals';
export { Connections } from './components/Connections';
export { RoutingRules } from './components/RoutingRules';
