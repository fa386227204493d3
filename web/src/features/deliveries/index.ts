export { Deliveries } from './components/Deliveries';
